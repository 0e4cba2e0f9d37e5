// Copies between layouts: packing of weights, pixels to activations.
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
