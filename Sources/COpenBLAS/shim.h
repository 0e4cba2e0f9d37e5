// OpenBLAS, reduced to what Tensors calls, with plain integers and pointers.
#ifndef SLUICE_COPENBLAS_SHIM_H
#define SLUICE_COPENBLAS_SHIM_H

#include <stdbool.h>

// Declared here rather than included: where cblas.h lies differs between OpenBLAS's threading variants, and the header
// pulls in complex types that Swift cannot import. The values are those of the CBLAS standard.
enum { sluice_row_major = 101, sluice_no_transpose = 111, sluice_transpose = 112 };

void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);
void openblas_set_num_threads(int count);
char *openblas_get_config(void);
char *openblas_get_corename(void);

/// Row-major C (m x n) = op(A) (m x k) · op(B) (k x n) + beta · C.
static inline void sluice_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda,
                                const float *b, int ldb, float beta, float *c, int ldc) {
  cblas_sgemm(sluice_row_major, transpose_a ? sluice_transpose : sluice_no_transpose,
              transpose_b ? sluice_transpose : sluice_no_transpose, m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}

#endif
