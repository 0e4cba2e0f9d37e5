// The convolution kernels, compiled once per instruction set and chosen at run time.
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "convolution.h"

// No contraction: fused multiply-adds are explicit.
#pragma clang fp contract(off)

#define INLINE static inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))

namespace portable {
#define WIDTH 4
#define FUSED 0
#include "kernels.h"
#undef WIDTH
#undef FUSED
}  // namespace portable

#if defined(__x86_64__)
/// Eight ones, then eight zeros: loaded at 8 - count, a mask of the first `count` lanes.
static const int32_t part_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#define WIDTH 8
#define FUSED 1
#include "kernels.h"
#undef WIDTH
#undef FUSED
}  // namespace avx2
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
namespace avx512 {
#define WIDTH 16
#define FUSED 1
#include "kernels.h"
#undef WIDTH
#undef FUSED
}  // namespace avx512
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512bf16,avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
namespace avx512bf16 {
#define WIDTH 16
#define FUSED 1
#include "kernels.h"
#include "bfloat16.h"
#undef WIDTH
#undef FUSED
}  // namespace avx512bf16
#pragma clang attribute pop
#endif

#if defined(__x86_64__)
#define OF_PATH(path, what)             \
  switch (path) {                       \
    case sluice_path_avx512_bf16:       \
    case sluice_path_avx512:            \
      return &avx512::what;             \
    case sluice_path_avx2:              \
      return &avx2::what;               \
    default:                            \
      return &portable::what;           \
  }
#else
#define OF_PATH(path, what) return &portable::what;
#endif

extern "C" const sluice_convolution_kernels *sluice_convolution_kernels_of(sluice_path path) { OF_PATH(path, kernels) }

extern "C" const sluice_time_kernels *sluice_time_kernels_of(sluice_path path) { OF_PATH(path, through_time) }

extern "C" const sluice_products *sluice_float32_products_of(sluice_path path) { OF_PATH(path, products) }

extern "C" const sluice_products *sluice_bfloat16_products_of(sluice_path path) {
#if defined(__x86_64__)
  if (path == sluice_path_avx512_bf16) return &avx512bf16::bf16_products;
#endif
  return nullptr;
}

extern "C" const sluice_winograd_kernels *sluice_winograd_kernels_of(sluice_path path, sluice_winograd variant) {
  switch (variant) {
    case sluice_winograd_2x2:
      OF_PATH(path, winograd_2x2)
    case sluice_winograd_4x4:
      OF_PATH(path, winograd_4x4)
    default:
#if defined(__x86_64__)
      if (path == sluice_path_avx512_bf16) return &avx512bf16::winograd_2x4;
#endif
      return nullptr;
  }
}
