// The element-wise kernels for one element type: each instruction set's body, and the public functions that choose one.
// Included by elementwise.c with REAL, FMA, TABLE and the name macros set.

struct TABLE {
  void (*statistics)(const REAL *, int64_t, int64_t, const REAL *, double *, double *);
  void (*normalize)(const REAL *, int64_t, int64_t, const REAL *, const REAL *, bool, REAL *);
  void (*normalize_add)(const REAL *, int64_t, int64_t, const REAL *, const REAL *, const REAL *, const REAL *,
                        const REAL *, REAL *);
  void (*mask)(REAL *, const REAL *, int64_t);
  void (*normalize_sums)(const REAL *, const REAL *, int64_t, int64_t, const REAL *, const REAL *, const double *,
                         double *, double *);
  void (*normalize_backward)(const REAL *, const REAL *, int64_t, int64_t, const REAL *, const REAL *, const REAL *,
                             const REAL *, const REAL *, const REAL *, REAL *);
  void (*add)(REAL *, const REAL *, int64_t);
  void (*sgd)(REAL *, REAL *, const REAL *, int64_t, REAL, REAL, REAL, REAL, bool);
  void (*running)(REAL *, const REAL *, int64_t, REAL, REAL, REAL);
};

#define NAME(function) TYPED(function##_portable)
#include "elementwise_body.h"
#undef NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define NAME(function) TYPED(function##_avx2)
#include "elementwise_body.h"
#undef NAME
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#define NAME(function) TYPED(function##_avx512)
#include "elementwise_body.h"
#undef NAME
#pragma clang attribute pop
#endif

static const struct TABLE *TYPED(current)(void) {
#if defined(__x86_64__)
  switch (sluice_current_path()) {
    case sluice_path_avx512_bf16:
    case sluice_path_avx512:
      return &TYPED(table_avx512);
    case sluice_path_avx2:
      return &TYPED(table_avx2);
    default:
      return &TYPED(table_portable);
  }
#else
  return &TYPED(table_portable);
#endif
}

void TYPED(sluice_statistics)(const REAL *x, int64_t rows, int64_t channels, const REAL *shift, double *sum,
                              double *squares) {
  TYPED(current)()->statistics(x, rows, channels, shift, sum, squares);
}

void TYPED(sluice_normalize)(const REAL *x, int64_t rows, int64_t channels, const REAL *scale, const REAL *offset,
                             bool relu, REAL *y) {
  TYPED(current)()->normalize(x, rows, channels, scale, offset, relu, y);
}

void TYPED(sluice_normalize_add)(const REAL *x, int64_t rows, int64_t channels, const REAL *scale, const REAL *offset,
                                 const REAL *r, const REAL *r_scale, const REAL *r_offset, REAL *y) {
  TYPED(current)()->normalize_add(x, rows, channels, scale, offset, r, r_scale, r_offset, y);
}

void TYPED(sluice_mask)(REAL *dy, const REAL *y, int64_t count) { TYPED(current)()->mask(dy, y, count); }

void TYPED(sluice_normalize_sums)(const REAL *dy, const REAL *x, int64_t rows, int64_t channels, const REAL *scale,
                                  const REAL *offset, const double *mean, double *sum, double *products) {
  TYPED(current)()->normalize_sums(dy, x, rows, channels, scale, offset, mean, sum, products);
}

void TYPED(sluice_normalize_backward)(const REAL *dy, const REAL *x, int64_t rows, int64_t channels, const REAL *scale,
                                      const REAL *offset, const REAL *mean, const REAL *a, const REAL *b, const REAL *c,
                                      REAL *dx) {
  TYPED(current)()->normalize_backward(dy, x, rows, channels, scale, offset, mean, a, b, c, dx);
}

void TYPED(sluice_add)(REAL *y, const REAL *x, int64_t count) { TYPED(current)()->add(y, x, count); }

void TYPED(sluice_sgd)(REAL *w, REAL *v, const REAL *sum, int64_t count, REAL scale, REAL rate, REAL momentum,
                       REAL decay, bool nesterov) {
  TYPED(current)()->sgd(w, v, sum, count, scale, rate, momentum, decay, nesterov);
}

void TYPED(sluice_running)(REAL *running, const REAL *sum, int64_t count, REAL scale, REAL keep, REAL fraction) {
  TYPED(current)()->running(running, sum, count, scale, keep, fraction);
}
