/// How one pass of a float32 convolution is computed.
package enum ConvolutionMethod: Sendable, Equatable {
  /// Kernels that reach through time only: each tap is a product of rows as they lie.
  case taps
  /// The same with bfloat16 products.
  case tapsInBFloat16
  /// Blocks of output positions unfolded (im2col), then one product.
  case unfolded
  /// Winograd's F(tile x tile, 3x3) on spatial 3x3 kernels. Shared: every thread works on the same tiles, for weights that
  /// no thread's cache holds; otherwise each works on its own.
  case winograd(tile: Int, shared: Bool)
}

/// One of the three products of a convolution.
package enum ConvolutionPass: String, Sendable, CaseIterable {
  case forward
  case backwardData = "backward-data"
  case backwardWeights = "backward-weights"
}

/// Which method computes which pass of which shape; a result of measurements, never of timing while training.
package struct ConvolutionChoice: Sendable {
  /// Whether Winograd's transforms may be used: they round a little more.
  package var allowsWinograd = true
  /// Whether products may be of bfloat16 where that is faster; only on processors that have them.
  package var usesBFloat16 = false
  /// For measurements: this method wherever it is possible.
  package var forced: ConvolutionMethod?

  package init() {}

  package func method(_ shape: ConvolutionShape, _ pass: ConvolutionPass) -> ConvolutionMethod {
    if let forced, Self.methods(shape).contains(forced) { return forced }
    if shape.reachesThroughTimeOnly {
      // The classifier keeps its precision.
      return usesBFloat16 && shape.input.height * shape.input.width > 1 ? .tapsInBFloat16 : .taps
    }
    guard allowsWinograd, shape.isSpatial3x3 else { return .unfolded }
    let isWide = shape.input.height * shape.input.width >= 28 * 28
    return .winograd(tile: 4, shared: !isWide)
  }

  /// Every method that can compute this shape; those in bfloat16 need a processor that has them.
  package static func methods(_ shape: ConvolutionShape) -> [ConvolutionMethod] {
    if shape.reachesThroughTimeOnly { return [.taps, .tapsInBFloat16] }
    guard shape.isSpatial3x3 else { return [.unfolded] }
    return [.unfolded]
      + [2, 4].flatMap { [.winograd(tile: $0, shared: false), .winograd(tile: $0, shared: true)] }
  }
}

extension ConvolutionShape {
  /// Whether the kernel is 1x1 in space, without stride there.
  var reachesThroughTimeOnly: Bool {
    kernel.height == 1 && kernel.width == 1 && stride.height == 1 && stride.width == 1
  }

  /// Whether it is 1x3x3 with stride 1 and keeps the size.
  var isSpatial3x3: Bool {
    kernel == Extent(1, 3, 3) && isUnitStride && padding == Extent(0, 1, 1)
  }
}
