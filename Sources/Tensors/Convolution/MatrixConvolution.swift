internal import CKernels

/// The classifier, a convolution over a map of one position: a matrix product by OpenBLAS, on the calling thread.
enum MatrixConvolution {
  static func sizes(_ shape: ConvolutionShape) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    sizes.worker = shape.inputCount
    return sizes
  }

  /// y (N, O) = x (N, I) · wᵀ.
  static func forward(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    BLAS.product(
      rows: shape.batch, columns: shape.outChannels, inner: shape.inChannels, activated(shape, input, run),
      lda: shape.inChannels, weights, ldb: shape.inChannels, transposeB: true, beta: 0, output, ldc: shape.outChannels)
    written?(0..<shape.batch, 0)
  }

  /// dx (N, I) = dy (N, O) · w.
  static func backwardData(
    _ shape: ConvolutionShape, _ outputGradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
    _ inputGradient: UnsafeMutablePointer<Float>, _ written: RowsWritten?
  ) {
    BLAS.product(
      rows: shape.batch, columns: shape.inChannels, inner: shape.outChannels, outputGradient, lda: shape.outChannels,
      weights, ldb: shape.inChannels, beta: 0, inputGradient, ldc: shape.inChannels)
    written?(0..<shape.batch, 0)
  }

  /// dw (O, I) = dyᵀ · x.
  static func backwardWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    BLAS.product(
      rows: shape.outChannels, columns: shape.inChannels, inner: shape.batch, outputGradient, lda: shape.outChannels,
      transposeA: true, activated(shape, input, run), ldb: shape.inChannels, beta: 0, weightGradient,
      ldc: shape.inChannels)
  }

  private static func activated(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ run: ConvolutionRun
  ) -> UnsafePointer<Float> {
    guard input.scale != nil else { return input.elements }
    let area = run.scratch.area(0)
    run.products.rows(input.elements, Int64(shape.batch), Int64(shape.inChannels), input.activation, area)
    return UnsafePointer(area)
  }
}
