// One instruction set's kernels; included by paths.cpp once for each, inside a namespace, with WIDTH (floats in a vector)
// and FUSED (whether it has fused multiply-adds) set.
#include "vector.h"
#include "product.h"
#include "unfold.h"
#include "winograd.h"

static void winograd_input(const float *x, sluice_tiling tiling, int64_t channels, sluice_activation activation,
                           int64_t first, int64_t end, float *v, int64_t point_stride) {
  (tiling.tile == 4 ? winograd_input_tiles<4> : winograd_input_tiles<2>)(x, tiling, channels, activation, first, end, v,
                                                                        point_stride);
}

static void winograd_output(const float *q, int64_t point_stride, sluice_tiling tiling, int64_t channels, int64_t first,
                            int64_t end, float *y) {
  (tiling.tile == 4 ? winograd_output_tiles<4> : winograd_output_tiles<2>)(q, point_stride, tiling, channels, first, end,
                                                                          y);
}

static void winograd_gradient(const float *dy, sluice_tiling tiling, int64_t channels, int64_t first, int64_t end,
                              float *q, int64_t point_stride) {
  (tiling.tile == 4 ? winograd_gradient_tiles<4> : winograd_gradient_tiles<2>)(dy, tiling, channels, first, end, q,
                                                                              point_stride);
}

static void winograd_weights(const float *weights, int64_t tile, int64_t outputs, int64_t inputs, bool transposed,
                             int64_t first, int64_t end, float *panels, int64_t point_stride) {
  (tile == 4 ? winograd_weight_panels<4> : winograd_weight_panels<2>)(weights, outputs, inputs, transposed, first, end,
                                                                     panels, point_stride);
}

static void winograd_weight_gradient(const float *d, int64_t parts, int64_t part_stride, int64_t tile, int64_t outputs,
                                     int64_t inputs, int64_t first, int64_t end, float *gradient) {
  (tile == 4 ? winograd_weight_gradient_tiles<4> : winograd_weight_gradient_tiles<2>)(d, parts, part_stride, outputs,
                                                                                     inputs, first, end, gradient);
}

static const sluice_convolution_kernels kernels = {
    panel_elements, panel_count,    pack_panels,     product,           product_transposed, activate,
    unfold,         winograd_input, winograd_output, winograd_gradient, winograd_weights,   winograd_weight_gradient,
};
