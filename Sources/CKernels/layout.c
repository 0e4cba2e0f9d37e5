// Copies between layouts: packing of weights, unfolding (im2col) and its transpose, pixels to activations.
#include <string.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

#define REAL float
#define TYPED(function) function##_f32
#include "layout_body.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(function) function##_f64
#include "layout_body.h"

static inline int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

/// One output position (n, t, h, w) and the part [left, right) of a kernel row that lies inside the input's width.
typedef struct {
  int64_t n, t, h, w;
  int64_t start_t, start_h, start_w;
  int64_t left, right;
} position;

static inline position position_at(const sluice_geometry *g, int64_t index) {
  position p;
  p.w = index % g->out_width;
  p.h = index / g->out_width % g->out_height;
  p.t = index / (g->out_width * g->out_height) % g->out_frames;
  p.n = index / (g->out_width * g->out_height * g->out_frames);
  p.start_t = p.t * g->stride_frames - g->pad_frames;
  p.start_h = p.h * g->stride_height - g->pad_height;
  p.start_w = p.w * g->stride_width - g->pad_width;
  p.left = clamp(-p.start_w, 0, g->kernel_width);
  p.right = clamp(g->in_width - p.start_w, p.left, g->kernel_width);
  return p;
}

void sluice_columns_f32(const float *x, const sluice_geometry *g, int64_t first, int64_t end, float *columns) {
  const int64_t channels = g->in_channels, run = g->kernel_width * channels;
  for (int64_t index = first; index < end; index++) {
    const position p = position_at(g, index);
    const int64_t before = p.left * channels, inside = (p.right - p.left) * channels;
    for (int64_t dt = 0; dt < g->kernel_frames; dt++)
      for (int64_t dh = 0; dh < g->kernel_height; dh++, columns += run) {
        const int64_t t = p.start_t + dt, h = p.start_h + dh;
        if (t < 0 || t >= g->in_frames || h < 0 || h >= g->in_height) {
          memset(columns, 0, (size_t)run * sizeof(float));
          continue;
        }
        const float *from =
            x + (((p.n * g->in_frames + t) * g->in_height + h) * g->in_width + p.start_w + p.left) * channels;
        if (before > 0) memset(columns, 0, (size_t)before * sizeof(float));
        memcpy(columns + before, from, (size_t)inside * sizeof(float));
        const int64_t after = run - before - inside;
        if (after > 0) memset(columns + before + inside, 0, (size_t)after * sizeof(float));
      }
  }
}

void sluice_columns_add_f32(const float *columns, const sluice_geometry *g, int64_t first, int64_t end, float *dx) {
  const int64_t channels = g->in_channels, run = g->kernel_width * channels;
  for (int64_t index = first; index < end; index++) {
    const position p = position_at(g, index);
    const int64_t before = p.left * channels, inside = (p.right - p.left) * channels;
    for (int64_t dt = 0; dt < g->kernel_frames; dt++)
      for (int64_t dh = 0; dh < g->kernel_height; dh++, columns += run) {
        const int64_t t = p.start_t + dt, h = p.start_h + dh;
        if (t < 0 || t >= g->in_frames || h < 0 || h >= g->in_height) continue;
        float *to = dx + (((p.n * g->in_frames + t) * g->in_height + h) * g->in_width + p.start_w + p.left) * channels;
        const float *from = columns + before;
        for (int64_t i = 0; i < inside; i++) to[i] += from[i];
      }
  }
}
