internal import CKernels

/// How one pass of a float32 convolution is computed.
package enum ConvolutionMethod: Sendable, Hashable {
  /// A matrix product by OpenBLAS, for the classifier.
  case matrix
  /// Kernels that reach through time only: each tap is a product of rows as they lie.
  case taps(bfloat16: Bool = false, shared: Bool = false)
  /// Blocks of output positions unfolded (im2col), then one product.
  case unfolded(bfloat16: Bool = false, shared: Bool = false)
  /// Winograd's minimal filtering of spatial 3x3 kernels.
  case winograd(WinogradVariant, shared: Bool)
  /// Winograd's F(4, 3) through the frames of 3x1x1 kernels.
  case winogradThroughTime

  // Shared: every thread works on the same rows or tiles, for weights that no thread's cache holds; otherwise each works
  // on its own.

  /// Whether its products are of bfloat16.
  package var usesBFloat16: Bool {
    switch self {
    case .taps(true, _), .unfolded(true, _), .winograd(.bfloat16F2x4, _): true
    default: false
    }
  }

  /// Whether it transforms tiles, which rounds a little more.
  package var isWinograd: Bool {
    switch self {
    case .winograd, .winogradThroughTime: true
    default: false
    }
  }
}

/// F(height x width, 3x3): the size of a tile's outputs, and the precision of the products.
package enum WinogradVariant: String, Sendable, CaseIterable {
  case f2x2 = "2x2"
  case f4x4 = "4x4"
  case bfloat16F2x4 = "2x4-bf16"

  var inC: sluice_winograd {
    switch self {
    case .f2x2: sluice_winograd_2x2
    case .f4x4: sluice_winograd_4x4
    case .bfloat16F2x4: sluice_winograd_2x4_bf16
    }
  }
}

/// In tables and reports: `taps`, `unfolded-bf16`, `winograd-4x4-shared` …
extension ConvolutionMethod: LosslessStringConvertible {
  package static let all: [ConvolutionMethod] =
    [.matrix, .winogradThroughTime]
    + [false, true].flatMap { shared in
      [false, true].flatMap { [.taps(bfloat16: $0, shared: shared), .unfolded(bfloat16: $0, shared: shared)] }
        + WinogradVariant.allCases.map { .winograd($0, shared: shared) }
    }

  package var description: String {
    func name(_ kind: String, _ bfloat16: Bool, _ shared: Bool) -> String {
      kind + (bfloat16 ? "-bf16" : "") + (shared ? "-shared" : "")
    }
    return switch self {
    case .matrix: "matrix"
    case .taps(let bfloat16, let shared): name("taps", bfloat16, shared)
    case .unfolded(let bfloat16, let shared): name("unfolded", bfloat16, shared)
    case .winograd(let variant, let shared): name("winograd-\(variant.rawValue)", false, shared)
    case .winogradThroughTime: "winograd-time"
    }
  }

  package init?(_ description: String) {
    guard let method = Self.all.first(where: { $0.description == description }) else { return nil }
    self = method
  }
}

/// One of the three products of a convolution.
package enum ConvolutionPass: String, Sendable, CaseIterable {
  case forward
  case backwardData = "backward-data"
  case backwardWeights = "backward-weights"
}

/// Which method computes which pass of which shape: the fastest measured of those that are allowed.
package struct ConvolutionChoice: Sendable {
  /// Whether Winograd's transforms may be used: they round a little more.
  package var allowsWinograd = true
  /// Whether products may be of bfloat16 where that is faster; only on processors that have them.
  package var usesBFloat16 = false
  /// For measurements: this method wherever it is possible.
  package var forced: ConvolutionMethod?

  package init() {}

  package func method(_ shape: ConvolutionShape, _ pass: ConvolutionPass, path: KernelPath) -> ConvolutionMethod {
    let possible = Self.methods(shape, pass)
    if let forced, possible.contains(forced) { return forced }
    // The classifier keeps its precision.
    if shape.isClassifier { return .matrix }
    let measured = MethodTable.measured.method(shape, pass, path: path, mixed: usesBFloat16)
    if let measured, possible.contains(measured), allowsWinograd || !measured.isWinograd { return measured }
    if shape.reachesThroughTimeOnly { return .taps(bfloat16: usesBFloat16) }
    if allowsWinograd, shape.isSpatial3x3 { return .winograd(usesBFloat16 ? .bfloat16F2x4 : .f4x4, shared: true) }
    return .unfolded(bfloat16: usesBFloat16)
  }

  /// Every method that can compute this pass of a shape; those in bfloat16 need a processor that has them.
  package static func methods(_ shape: ConvolutionShape, _ pass: ConvolutionPass) -> [ConvolutionMethod] {
    ConvolutionMethod.all.filter {
      switch $0 {
      case .matrix: shape.isClassifier
      case .taps(_, let shared): shape.reachesThroughTimeOnly && (!shared || pass == .backwardWeights)
      case .unfolded(_, let shared): !shape.reachesThroughTimeOnly && (!shared || pass == .backwardWeights)
      case .winograd: shape.isSpatial3x3
      case .winogradThroughTime: shape.isTemporal3
      }
    }
  }
}

extension ConvolutionShape {
  /// Whether the kernel is 1x1 in space, without stride there.
  var reachesThroughTimeOnly: Bool {
    kernel.height == 1 && kernel.width == 1 && stride.height == 1 && stride.width == 1
  }

  /// Whether it is a matrix product: one position, and nothing beside it.
  var isClassifier: Bool { input.volume == 1 && kernel.volume == 1 }

  /// Whether it is 1x3x3 with stride 1 and keeps the size.
  var isSpatial3x3: Bool {
    kernel == Extent(1, 3, 3) && isUnitStride && padding == Extent(0, 1, 1)
  }
  /// Whether it is 3x1x1 with stride 1 and keeps the frames, enough of them that lines of four save products.
  var isTemporal3: Bool {
    kernel == Extent(3, 1, 1) && isUnitStride && padding == Extent(1, 0, 0) && input.frames > 2
  }
}
