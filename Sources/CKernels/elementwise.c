// Element-wise kernels, compiled once per instruction set and chosen at run time.
#include <math.h>
#include <stdatomic.h>

#include "CKernels.h"

// No contraction: a vector body, its scalar tail and every instruction set round alike.
#pragma STDC FP_CONTRACT OFF

/// Rows in a tile: enough for about 256 elements, so that the inner loops are long.
static inline int64_t tile_rows(int64_t channels) { return channels >= 256 ? 1 : (255 + channels) / channels; }

static bool processor_has(sluice_path path) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  switch (path) {
    case sluice_path_avx512_bf16:
      return processor_has(sluice_path_avx512) && __builtin_cpu_supports("avx512bf16");
    case sluice_path_avx512:
      return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    case sluice_path_avx2:
      return avx2;
    default:
      return true;
  }
#else
  return path == sluice_path_portable;
#endif
}

/// -1 until first asked; then a `sluice_path`.
static atomic_int chosen_path = -1;
/// What one thread uses instead, or -1.
static _Thread_local int thread_path = -1;

void sluice_use_path_on_thread(int path) { thread_path = path; }

sluice_path sluice_current_path(void) {
  if (thread_path >= 0) return (sluice_path)thread_path;
  int path = atomic_load_explicit(&chosen_path, memory_order_relaxed);
  if (path < 0) {
    path = processor_has(sluice_path_avx512_bf16) ? sluice_path_avx512_bf16
           : processor_has(sluice_path_avx512)    ? sluice_path_avx512
           : processor_has(sluice_path_avx2) ? sluice_path_avx2
                                             : sluice_path_portable;
    atomic_store_explicit(&chosen_path, path, memory_order_relaxed);
  }
  return (sluice_path)path;
}

bool sluice_has_path(sluice_path path) { return processor_has(path); }

bool sluice_use_path(sluice_path path) {
  if (!processor_has(path)) return false;
  atomic_store_explicit(&chosen_path, (int)path, memory_order_relaxed);
  return true;
}

#define REAL float
#define FMA __builtin_fmaf
#define TABLE table_f32
#define TYPED(function) function##_f32
#include "elementwise_type.h"
#undef REAL
#undef FMA
#undef TABLE
#undef TYPED

#define REAL double
#define FMA __builtin_fma
#define TABLE table_f64
#define TYPED(function) function##_f64
#include "elementwise_type.h"
