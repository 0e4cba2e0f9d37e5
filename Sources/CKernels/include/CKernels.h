// Loops over activations and parameters that Swift calls: one function each for float32 (`_f32`) and float64 (`_f64`).
//
// Legend: N clips, T frames, H height, W width, C channels; activations are (N, T, H, W, C), a "row" is the C channels of
// one position. Every element-wise function gives the same bits whatever the instruction set: compilers may not contract,
// fused multiply-adds are explicit, and sums run in an order that depends on the shape alone.
#ifndef SLUICE_CKERNELS_H
#define SLUICE_CKERNELS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The geometry of one 3-D convolution without dilation or groups.
typedef struct {
  int64_t batch;
  int64_t in_frames, in_height, in_width, in_channels;
  int64_t out_frames, out_height, out_width, out_channels;
  int64_t kernel_frames, kernel_height, kernel_width;
  int64_t stride_frames, stride_height, stride_width;
  int64_t pad_frames, pad_height, pad_width;
} sluice_geometry;

/// The instruction sets the kernels are compiled for.
typedef enum { sluice_path_portable = 0, sluice_path_avx2 = 1, sluice_path_avx512 = 2, sluice_path_avx512_bf16 = 3 } sluice_path;

/// The path in use: the best the processor has, unless `sluice_use_path` chose another.
sluice_path sluice_current_path(void);
/// Whether the processor has it.
bool sluice_has_path(sluice_path path);
/// Chooses a path; returns false, changing nothing, if the processor lacks it. Not while other kernels run.
bool sluice_use_path(sluice_path path);
/// Chooses a path that the processor has for the calling thread alone; -1 for the process' own. For tests.
void sluice_use_path_on_thread(int path);

#define SLUICE_DECLARE(REAL, SUFFIX)                                                                                     \
  /* sum[c] += Σ (x - shift[c]), squares[c] += Σ (x - shift[c])², in double. */                                          \
  void sluice_statistics_##SUFFIX(const REAL *x, int64_t rows, int64_t channels, const REAL *shift, double *sum,         \
                                  double *squares);                                                                      \
  /* y = fma(x, scale, offset), then max(·, 0) if relu. */                                                               \
  void sluice_normalize_##SUFFIX(const REAL *x, int64_t rows, int64_t channels, const REAL *scale, const REAL *offset,   \
                                 bool relu, REAL *y);                                                                    \
  /* y = max(fma(x, scale, offset) + residual, 0); the residual is fma(r, r_scale, r_offset), or r if r_scale is NULL. */ \
  void sluice_normalize_add_##SUFFIX(const REAL *x, int64_t rows, int64_t channels, const REAL *scale,                   \
                                     const REAL *offset, const REAL *r, const REAL *r_scale, const REAL *r_offset,       \
                                     REAL *y);                                                                           \
  /* dy = 0 wherever y ≤ 0. */                                                                                           \
  void sluice_mask_##SUFFIX(REAL *dy, const REAL *y, int64_t count);                                                     \
  /* With g = dy, zeroed where fma(x, scale, offset) ≤ 0 if scale is given: sum[c] += Σ g, products[c] += Σ g (x-mean). */ \
  void sluice_normalize_sums_##SUFFIX(const REAL *dy, const REAL *x, int64_t rows, int64_t channels, const REAL *scale,  \
                                      const REAL *offset, const double *mean, double *sum, double *products);            \
  /* dx = fma(a, g, fma(b, x - mean, c)) with g as above; dx may be dy. */                                               \
  void sluice_normalize_backward_##SUFFIX(const REAL *dy, const REAL *x, int64_t rows, int64_t channels,                 \
                                          const REAL *scale, const REAL *offset, const REAL *mean, const REAL *a,        \
                                          const REAL *b, const REAL *c, REAL *dx);                                       \
  /* y += x. */                                                                                                          \
  void sluice_add_##SUFFIX(REAL *y, const REAL *x, int64_t count);                                                       \
  /* y (channels) = mean over rows of x. */                                                                              \
  void sluice_pool_##SUFFIX(const REAL *x, int64_t rows, int64_t channels, REAL *y);                                     \
  /* dx (rows, channels) = dy (channels) · scale in every row. */                                                        \
  void sluice_pool_backward_##SUFFIX(const REAL *dy, int64_t rows, int64_t channels, REAL scale, REAL *dx);              \
  /* y[r, c] += bias[c]. */                                                                                              \
  void sluice_add_bias_##SUFFIX(REAL *y, int64_t rows, int64_t channels, const REAL *bias);                              \
  /* y[i, c] = table[c · 256 + x[i, c]] over `pixels` pixels of three channels. */                                       \
  void sluice_pixels_##SUFFIX(const uint8_t *x, int64_t pixels, const REAL *table, REAL *y);                             \
  /* (C, positions) → (positions, C). */                                                                                 \
  void sluice_channels_last_##SUFFIX(const REAL *x, int64_t channels, int64_t positions, REAL *y);                       \
  /* g = sum·scale; d = fma(decay, w, g); v = fma(momentum, v, d); w = fma(-rate, nesterov ? fma(momentum, v, d) : v, w). */ \
  void sluice_sgd_##SUFFIX(REAL *w, REAL *v, const REAL *sum, int64_t count, REAL scale, REAL rate, REAL momentum,       \
                           REAL decay, bool nesterov);                                                                   \
  /* running = fma(fraction, sum·scale, keep·running). */                                                                \
  void sluice_running_##SUFFIX(REAL *running, const REAL *sum, int64_t count, REAL scale, REAL keep, REAL fraction);     \
  /* Weights (O, I, taps) → (taps, I, O) for output channels [first, end). */                                            \
  void sluice_pack_##SUFFIX(const REAL *w, const sluice_geometry *g, int64_t first, int64_t end, REAL *packed);          \
  /* Weights (O, I, taps) → (taps reversed, O, I) for output channels [first, end). */                                   \
  void sluice_pack_reversed_##SUFFIX(const REAL *w, const sluice_geometry *g, int64_t first, int64_t end, REAL *packed); \
  /* Sum of `parts` packed gradients (taps, inputs, outputs), `part_stride` elements apart, in rows `row_stride` apart →  \
     (outputs, inputs, taps), `w_stride` elements between outputs; added if `accumulate`. */                             \
  void sluice_unpack_##SUFFIX(const REAL *packed, int64_t parts, int64_t part_stride, int64_t taps, int64_t inputs,      \
                              int64_t row_stride, int64_t outputs, bool accumulate, REAL *w, int64_t w_stride);

SLUICE_DECLARE(float, f32)
SLUICE_DECLARE(double, f64)
#undef SLUICE_DECLARE

/// One frame of 8-bit YUV 4:2:0 (Y, then U and V of half the size; BT.601, limited range) to rgb (height, width, 3), both sides
/// even. A chroma sample holds for its four pixels. Y' = 19077 (Y - 16), with 14 fraction bits: red is Y' + 26149 (V - 128),
/// green Y' - 6419 (U - 128) - 13320 (V - 128), blue Y' + 33050 (U - 128), each rounded and clamped to 0...255.
void sluice_planes_to_rgb(const uint8_t *planes, int64_t height, int64_t width, uint8_t *rgb);

/// The least distance of a hash of 256 bits (four words) to the `count` first hashes of each group; groups begin `stride` hashes apart.
/// The distance is the number of bits that differ, or if that is less, 4/3 of it, rounded down, without the first or the last word.
void sluice_hash_least_distances(const uint64_t *hash, const uint64_t *others, int64_t groups, int64_t stride, int64_t count,
                                 uint16_t *least);
/// Has the hashes that the function above would look at brought into the cache, without waiting for them.
void sluice_hash_prefetch(const uint64_t *others, int64_t groups, int64_t stride, int64_t count);
/// Has the line of memory brought into the cache, without waiting for it.
static inline void sluice_prefetch(const void *address) { __builtin_prefetch(address); }
/// keys (count, tables) = the bits of each hash that are set in each table's mask of four words, side by side: at most 32.
void sluice_hash_keys(const uint64_t *hashes, int64_t count, const uint64_t *masks, int64_t tables, uint32_t *keys);

/// Float64 reference convolution, one line of output (n, t, h) at a time; weights are packed (taps, I, O).
void sluice_convolve_line_f64(const double *x, const double *packed, const sluice_geometry *g, int64_t line, double *y);
/// dx of one input line (n, t, h) from dy; weights are packed (taps reversed, O, I).
void sluice_convolve_line_backward_f64(const double *dy, const double *reversed, const sluice_geometry *g, int64_t line,
                                       double *dx);
/// d weights of one tap, packed (I, O), summed over all positions in order.
void sluice_convolve_tap_gradient_f64(const double *x, const double *dy, const sluice_geometry *g, int64_t tap,
                                      double *gradient);

#ifdef __cplusplus
}
#endif

#include "convolution.h"

#endif
