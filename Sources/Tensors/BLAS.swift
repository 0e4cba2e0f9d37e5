internal import COpenBLAS

/// OpenBLAS, held to one thread: work is split by our own pool at boundaries that do not depend on the thread count.
package enum BLAS {
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  private static func prepare() { _ = singleThreaded }

  /// Version, build and the processor core whose kernels are in use, such as "OpenBLAS 0.3.21 … Zen".
  ///
  /// Read once: `openblas_get_config` puts its answer together in one buffer for all threads.
  package static let configuration: String = {
    prepare()
    return "\(String(cString: openblas_get_config())) core \(String(cString: openblas_get_corename()))"
  }()

  /// C (m x n) = op(A) · op(B) + beta · C, row-major; the inner dimension is k.
  package static func product(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    _ b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false, beta: Float, _ c: UnsafeMutablePointer<Float>,
    ldc: Int
  ) {
    prepare()
    sluice_sgemm(
      transposeA, transposeB, Int32(rows), Int32(columns), Int32(inner), a, Int32(lda), b, Int32(ldb), beta, c,
      Int32(ldc))
  }
}
