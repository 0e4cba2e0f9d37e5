// The pieces that float32 convolutions are made of: matrix products on register tiles, Winograd transforms, unfolding.
//
// Activations are (N, T, H, W, C), weights (O, I, kT, kH, kW). A product multiplies rows of `length` elements with weights
// packed in panels: for each panel of a few vectors of columns (depth, columns of the panel), the last one padded with zeros.
// Instruction sets differ in the width of panels and the order of sums, and so in the last bits.
#ifndef SLUICE_CONVOLUTION_H
#define SLUICE_CONVOLUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "CKernels.h"  // IWYU pragma: keep

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

/// Per-channel normalisation and ReLU of an input while it is loaded: max(fma(x, scale, offset), 0); none if scale is NULL.
typedef struct {
  const float *_Nullable scale;
  const float *_Nullable offset;
} sluice_activation;

/// Frames of height x width x channels cut into tiles of `tile` x `tile` outputs (2 or 4), of a 3x3 convolution that keeps
/// the size; tiles count frame by frame, row by row. A transformed tile has (tile + 2)² points.
typedef struct {
  int64_t tile;
  int64_t height, width;
} sluice_tiling;

/// The kernels of one instruction set.
typedef struct {
  /// Elements of packed weights, `depth` x `columns`.
  int64_t (*panel_elements)(int64_t depth, int64_t columns);
  /// Number of panels for so many columns.
  int64_t (*panel_count)(int64_t columns);

  /// Packs panels [first, end) of weights (outputs, inputs, all_taps); depth is (taps, inputs), or (taps, outputs) if
  /// transposed, when columns are the inputs. `taps` lists which ones, in order.
  void (*pack_panels)(const float *weights, int64_t outputs, int64_t inputs, int64_t all_taps, const
                               int64_t *taps, int64_t tap_count, bool transposed, int64_t first, int64_t end, float
                               *panels);

  /// y[r, k] = Σ_tap Σ_c taps[tap][r · row_stride + c] · panels[(tap, c), k]; a NULL tap counts as zeros.
  void (*product)(const float *_Nullable const *_Nonnull taps, int64_t tap_count, int64_t row_stride, int64_t rows, int64_t
                           length, const float *panels, int64_t columns, float *y, int64_t y_stride);
  /// d[c, k] = Σ_r x[r, c] · y[r, k], added to d if `accumulate`.
  void (*product_transposed)(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t
                                      y_stride, int64_t columns, int64_t rows, float *d, int64_t d_stride, bool
                                      accumulate);

  /// y = the activation of rows of x, contiguous.
  void (*activate)(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y);
  /// Output positions [first, end) of x unfolded into rows of (kT, kH, kW, C); padding may be negative.
  void (*unfold)(const float *x, const sluice_geometry *g, sluice_activation activation, int64_t first,
                          int64_t end, float *columns);

  /// v[point, t, c]: Bᵀ d B of tiles [first, end) of x; `point_stride` elements between points.
  void (*winograd_input)(const float *x, sluice_tiling tiling, int64_t channels, sluice_activation
                                  activation, int64_t first, int64_t end, float *v, int64_t point_stride);
  /// y of tiles [first, end): Aᵀ q A.
  void (*winograd_output)(const float *q, int64_t point_stride, sluice_tiling tiling, int64_t channels,
                                   int64_t first, int64_t end, float *y);
  /// q[point, t, c]: A dy Aᵀ of tiles [first, end) of dy.
  void (*winograd_gradient)(const float *dy, sluice_tiling tiling, int64_t channels, int64_t first, int64_t
                                     end, float *q, int64_t point_stride);
  /// Weights (outputs, inputs, 3, 3) transformed, G g Gᵀ, into panels [first, end) of every point; if transposed those of
  /// backward-data: taps reversed, depth outputs, columns inputs.
  void (*winograd_weights)(const float *weights, int64_t tile, int64_t outputs, int64_t inputs, bool
                                    transposed, int64_t first, int64_t end, float *panels, int64_t point_stride);
  /// Weight gradients (outputs, inputs, 3, 3) = Gᵀ (Σ parts) G for outputs [first, end); d is [part][point][inputs][outputs].
  void (*winograd_weight_gradient)(const float *d, int64_t parts, int64_t part_stride, int64_t tile,
                                          int64_t outputs, int64_t inputs, int64_t first, int64_t end, float
                                          *gradient);
} sluice_convolution_kernels;

/// Products of bfloat16 pairs, summed in float32. A row of C channels takes (C + 1) / 2 lanes of 32 bits.
typedef struct {
  /// Rows of x, activated, as pairs of channels.
  void (*rows)(const float *x, int64_t rows, int64_t channels, sluice_activation activation, uint32_t *y);
  /// Pairs of rows of x, activated: [(rows + 1) / 2][channels], the missing last row as zeros.
  void (*row_pairs)(const float *x, int64_t rows, int64_t channels, sluice_activation activation, uint32_t *y);
  /// Panels [first, end) of weights (outputs, inputs, taps), as `pack_panels`, in pairs along the depth of each tap.
  void (*pack_panels)(const float *weights, int64_t outputs, int64_t inputs, int64_t taps, bool transposed, int64_t first,
                      int64_t end, uint32_t *panels);
  /// y[r, k] = Σ_tap Σ_c taps[tap][r, c] · panels[(tap, c), k] over `pairs` lanes a row; a NULL tap counts as zeros.
  void (*product)(const uint32_t *_Nullable const *_Nonnull taps, int64_t tap_count, int64_t rows, int64_t pairs,
                  const uint32_t *panels, int64_t columns, float *y, int64_t y_stride);
  /// d[c, k] += Σ_r x[r, c] · y[r, k], of `pairs` pairs of rows.
  void (*product_transposed)(const uint32_t *x, int64_t length, const uint32_t *y, int64_t columns, int64_t pairs,
                             float *d);
} sluice_bf16_kernels;

/// The bfloat16 kernels of `path`, NULL if it has none.
const sluice_bf16_kernels *_Nullable sluice_bf16_kernels_of(sluice_path path);

/// The kernels of `path`; they may run only if the processor has it.
const sluice_convolution_kernels *sluice_convolution_kernels_of(sluice_path path);

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end
#endif
