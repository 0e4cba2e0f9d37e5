// The pieces that float32 convolutions are made of: matrix products on register tiles, Winograd transforms, unfolding.
//
// Activations are (N, T, H, W, C), weights (O, I, kT, kH, kW). Products read *lanes* of 32 bits: one float32, or two bfloat16
// that lie next to each other along the direction summed over, the earlier in the low half, the last padded with zero.
// A product multiplies rows of lanes with weights packed in panels: for each panel of a few vectors of columns (depth in
// lanes, columns of the panel), the last one padded with zeros. Sums are float32. Instruction sets differ in the width of
// panels and the order of sums, and so in the last bits.
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

/// Products of one element type.
typedef struct {
  /// Elements in a lane: 1 (float32) or 2 (bfloat16).
  int64_t packing;
  /// Rows of x, activated, in lanes along the channels.
  void (*rows)(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y);
  /// Rows of x, activated, in lanes along the rows: [(rows + packing - 1) / packing][channels].
  void (*stacked_rows)(const float *x, int64_t rows, int64_t channels, sluice_activation activation, float *y);
  /// Packs panels [first, end) of weights (outputs, inputs, all_taps); depth is (taps, lanes of inputs), or (taps, lanes of
  /// outputs) if transposed, when columns are the inputs. `taps` lists which ones, in order.
  void (*pack_panels)(const float *weights, int64_t outputs, int64_t inputs, int64_t all_taps, const int64_t *taps,
                      int64_t tap_count, bool transposed, int64_t first, int64_t end, float *panels);
  /// y[r, k] = Σ_tap Σ_c taps[tap][r, c] · panels[(tap, c), k] over `lanes` lanes a row; a NULL tap counts as zeros.
  void (*product)(const float *_Nullable const *_Nonnull taps, int64_t tap_count, int64_t rows, int64_t lanes,
                  const float *panels, int64_t columns, float *y, int64_t y_stride);
  /// d[c, k] = Σ_r x[r, c] · y[r, k] over stacked rows, added to d if `accumulate`.
  void (*product_transposed)(const float *x, int64_t x_stride, int64_t length, const float *y, int64_t y_stride,
                             int64_t columns, int64_t rows, float *d, int64_t d_stride, bool accumulate);
} sluice_products;

/// The kernels of one instruction set.
typedef struct {
  /// Lanes of packed weights, `depth` x `columns`.
  int64_t (*panel_elements)(int64_t depth, int64_t columns);
  /// Number of panels for so many columns.
  int64_t (*panel_count)(int64_t columns);

  /// Output positions [first, end) of x, activated, unfolded into rows of (kT, kH, kW, C); padding may be negative.
  void (*unfold)(const float *x, const sluice_geometry *g, sluice_activation activation, int64_t first, int64_t end,
                 float *columns);
} sluice_convolution_kernels;

/// Winograd's minimal filtering F(height x width, 3x3) of frames of a convolution that keeps the size. Tiles of
/// tile_height x tile_width outputs count frame by frame, row by row; transformed they have
/// (tile_height + 2)·(tile_width + 2) points.
typedef struct {
  int64_t tile_height, tile_width;
  const sluice_products *products;

  /// v[point][t][c], Bᵀ d B of tiles [first, end) of x, activated, in rows of lanes; `point_stride` lanes between points.
  void (*input)(const float *x, int64_t height, int64_t width, int64_t channels, sluice_activation activation,
                int64_t first, int64_t end, float *v, int64_t point_stride);
  /// The same in stacked rows: lanes along the tiles.
  void (*stacked_input)(const float *x, int64_t height, int64_t width, int64_t channels, sluice_activation activation,
                        int64_t first, int64_t end, float *v, int64_t point_stride);
  /// q[point][t][c], A dy Aᵀ of tiles [first, end) of dy, in stacked rows.
  void (*stacked_gradient)(const float *dy, int64_t height, int64_t width, int64_t channels, int64_t first, int64_t end,
                           float *q, int64_t point_stride);
  /// y of tiles [first, end): Aᵀ q A of float32 q[point][t][c].
  void (*output)(const float *q, int64_t point_stride, int64_t height, int64_t width, int64_t channels, int64_t first,
                 int64_t end, float *y);
  /// Weights (outputs, inputs, 3, 3) transformed, G g Gᵀ, into panels [first, end) of every point; if transposed those of
  /// backward-data: taps reversed, depth outputs, columns inputs.
  void (*weights)(const float *weights, int64_t outputs, int64_t inputs, bool transposed, int64_t first, int64_t end,
                  float *panels, int64_t point_stride);
  /// Weight gradients Gᵀ (Σ parts) G of d[part][point][input][output], `inputs` rows of `outputs` elements, into
  /// (output, input, 3, 3), `gradient_stride` elements between outputs; added if `accumulate`.
  void (*weight_gradient)(const float *d, int64_t parts, int64_t part_stride, int64_t point_stride, int64_t row_stride,
                          int64_t outputs, int64_t inputs, bool accumulate, float *gradient, int64_t gradient_stride);
} sluice_winograd_kernels;

/// Winograd's minimal filtering F(4, 3) through frames, for kernels of 3x1x1: lines of six frames have four outputs. Every
/// channel of every position is a line of its own; frames are rows of channels.
typedef struct {
  int64_t outputs, points;
  /// v[point][row][c], Bᵀ d of `points` frames, activated; zeros where a frame is NULL.
  void (*input)(const float *_Nullable const *_Nonnull frames, int64_t rows, int64_t channels,
                sluice_activation activation, float *v, int64_t point_stride);
  /// Aᵀ q of q[point][element] into `outputs` frames; those that are NULL are left out.
  void (*output)(const float *q, int64_t point_stride, int64_t count, float *_Nullable const *_Nonnull frames);
  /// q[point][element], A dy of `outputs` frames; zeros where a frame is NULL.
  void (*gradient)(const float *_Nullable const *_Nonnull frames, int64_t count, float *q, int64_t point_stride);
  /// `count` kernels of three taps to G g, a kernel's points side by side; reversed for backward-data.
  void (*weights)(const float *weights, int64_t count, bool reversed, float *u);
  /// Gᵀ (Σ parts) of `count` elements of d[part][point][element] into planes of the three taps, in place of part 0.
  void (*weight_gradient)(float *d, int64_t parts, int64_t part_stride, int64_t point_stride, int64_t count);
} sluice_time_kernels;

/// F(2x2, 3x3) and F(4x4, 3x3) in float32, F(2x4, 3x3) with bfloat16 products.
typedef enum { sluice_winograd_2x2 = 0, sluice_winograd_4x4 = 1, sluice_winograd_2x4_bf16 = 2 } sluice_winograd;

// The kernels of `path`, which may run only if the processor has it; NULL where a path has no bfloat16.
const sluice_convolution_kernels *sluice_convolution_kernels_of(sluice_path path);
const sluice_time_kernels *sluice_time_kernels_of(sluice_path path);
const sluice_products *sluice_float32_products_of(sluice_path path);
const sluice_products *_Nullable sluice_bfloat16_products_of(sluice_path path);
const sluice_winograd_kernels *_Nullable sluice_winograd_kernels_of(sluice_path path, sluice_winograd variant);

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end
#endif
