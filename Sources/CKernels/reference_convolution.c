// The float64 reference convolution: plain loops, in an order that depends on the shape alone. It is what every faster
// kernel is judged by, so it is written to be read; four terms are added per pass to spare memory traffic.
#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

/// y[0..<count] += Σ_i x[i·x_stride] · w[i·w_stride ..< + count], i in [0, terms).
static void add_products(const double *restrict x, int64_t x_stride, const double *restrict w, int64_t w_stride,
                         int64_t terms, double *restrict y, int64_t count) {
  int64_t i = 0;
  for (; i + 4 <= terms; i += 4) {
    const double x0 = x[i * x_stride], x1 = x[(i + 1) * x_stride];
    const double x2 = x[(i + 2) * x_stride], x3 = x[(i + 3) * x_stride];
    const double *w0 = w + i * w_stride, *w1 = w0 + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
    for (int64_t o = 0; o < count; o++) y[o] += (x0 * w0[o] + x1 * w1[o]) + (x2 * w2[o] + x3 * w3[o]);
  }
  for (; i < terms; i++) {
    const double x0 = x[i * x_stride], *w0 = w + i * w_stride;
    for (int64_t o = 0; o < count; o++) y[o] += x0 * w0[o];
  }
}

static inline const double *row(const double *x, int64_t n, int64_t t, int64_t h, int64_t frames, int64_t height,
                                int64_t width, int64_t channels) {
  return x + ((n * frames + t) * height + h) * width * channels;
}

void sluice_convolve_line_f64(const double *x, const double *packed, const sluice_geometry *g, int64_t line, double *y) {
  const int64_t oh = line % g->out_height, ot = line / g->out_height % g->out_frames;
  const int64_t n = line / (g->out_height * g->out_frames);
  double *to = y + line * g->out_width * g->out_channels;
  for (int64_t i = 0; i < g->out_width * g->out_channels; i++) to[i] = 0;
  for (int64_t dt = 0; dt < g->kernel_frames; dt++)
    for (int64_t dh = 0; dh < g->kernel_height; dh++) {
      const int64_t t = ot * g->stride_frames - g->pad_frames + dt, h = oh * g->stride_height - g->pad_height + dh;
      if (t < 0 || t >= g->in_frames || h < 0 || h >= g->in_height) continue;
      const double *from = row(x, n, t, h, g->in_frames, g->in_height, g->in_width, g->in_channels);
      for (int64_t dw = 0; dw < g->kernel_width; dw++) {
        const double *w = packed + ((dt * g->kernel_height + dh) * g->kernel_width + dw) * g->in_channels * g->out_channels;
        for (int64_t ow = 0; ow < g->out_width; ow++) {
          const int64_t iw = ow * g->stride_width - g->pad_width + dw;
          if (iw < 0 || iw >= g->in_width) continue;
          add_products(from + iw * g->in_channels, 1, w, g->out_channels, g->in_channels, to + ow * g->out_channels,
                       g->out_channels);
        }
      }
    }
}

/// The output index that reads input `i` through tap `d`, or -1.
static inline int64_t source(int64_t i, int64_t d, int64_t stride, int64_t pad, int64_t outputs) {
  const int64_t shifted = i + pad - d;
  if (shifted < 0 || shifted % stride != 0 || shifted / stride >= outputs) return -1;
  return shifted / stride;
}

void sluice_convolve_line_backward_f64(const double *dy, const double *reversed, const sluice_geometry *g, int64_t line,
                                       double *dx) {
  const int64_t ih = line % g->in_height, it = line / g->in_height % g->in_frames;
  const int64_t n = line / (g->in_height * g->in_frames);
  const int64_t taps = g->kernel_frames * g->kernel_height * g->kernel_width;
  double *to = dx + line * g->in_width * g->in_channels;
  for (int64_t i = 0; i < g->in_width * g->in_channels; i++) to[i] = 0;
  for (int64_t dt = 0; dt < g->kernel_frames; dt++)
    for (int64_t dh = 0; dh < g->kernel_height; dh++) {
      const int64_t t = source(it, dt, g->stride_frames, g->pad_frames, g->out_frames);
      const int64_t h = source(ih, dh, g->stride_height, g->pad_height, g->out_height);
      if (t < 0 || h < 0) continue;
      const double *from = row(dy, n, t, h, g->out_frames, g->out_height, g->out_width, g->out_channels);
      for (int64_t dw = 0; dw < g->kernel_width; dw++) {
        const int64_t tap = (dt * g->kernel_height + dh) * g->kernel_width + dw;
        const double *w = reversed + (taps - 1 - tap) * g->in_channels * g->out_channels;
        for (int64_t iw = 0; iw < g->in_width; iw++) {
          const int64_t ow = source(iw, dw, g->stride_width, g->pad_width, g->out_width);
          if (ow < 0) continue;
          add_products(from + ow * g->out_channels, 1, w, g->in_channels, g->out_channels, to + iw * g->in_channels,
                       g->in_channels);
        }
      }
    }
}

void sluice_convolve_tap_gradient_f64(const double *x, const double *dy, const sluice_geometry *g, int64_t tap,
                                      double *gradient) {
  const int64_t dw = tap % g->kernel_width, dh = tap / g->kernel_width % g->kernel_height;
  const int64_t dt = tap / (g->kernel_width * g->kernel_height);
  for (int64_t i = 0; i < g->in_channels * g->out_channels; i++) gradient[i] = 0;
  // The output columns whose input column lies inside the frame.
  int64_t first = 0, end = g->out_width;
  while (first < end && first * g->stride_width - g->pad_width + dw < 0) first++;
  while (end > first && (end - 1) * g->stride_width - g->pad_width + dw >= g->in_width) end--;
  for (int64_t n = 0; n < g->batch; n++)
    for (int64_t ot = 0; ot < g->out_frames; ot++)
      for (int64_t oh = 0; oh < g->out_height; oh++) {
        const int64_t t = ot * g->stride_frames - g->pad_frames + dt, h = oh * g->stride_height - g->pad_height + dh;
        if (t < 0 || t >= g->in_frames || h < 0 || h >= g->in_height) continue;
        const double *from = row(x, n, t, h, g->in_frames, g->in_height, g->in_width, g->in_channels) +
                             (first * g->stride_width - g->pad_width + dw) * g->in_channels;
        const double *d = row(dy, n, ot, oh, g->out_frames, g->out_height, g->out_width, g->out_channels) +
                          first * g->out_channels;
        for (int64_t c = 0; c < g->in_channels; c++)
          add_products(from + c, g->stride_width * g->in_channels, d, g->out_channels, end - first,
                       gradient + c * g->out_channels, g->out_channels);
      }
}
