// One instruction set's kernels; included by paths.cpp once for each, inside a namespace, with WIDTH (floats in a vector)
// and FUSED (whether it has fused multiply-adds) set.
#include "vector.h"
#include "unfold.h"
#include "product.h"
#include "winograd.h"
#include "through_time.h"

static const sluice_convolution_kernels kernels = {panel_elements, panel_count, unfold};
