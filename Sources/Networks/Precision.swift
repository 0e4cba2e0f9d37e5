internal import Tensors

/// The arithmetic a network computes in.
package enum Precision: String, Sendable, CaseIterable {
  case float32
  /// bfloat16 products where they are faster.
  case mixed
  /// The scalar reference.
  case float64

  /// Whether this processor computes in it.
  package var isAvailable: Bool { self != .mixed || KernelPath.current.hasBFloat16 }

  /// What it means for convolutions.
  /// - Parameter winograd: whether Winograd's transforms may be used.
  /// - Throws: when this processor lacks it.
  func convolutionChoice(winograd: Bool) throws(NetworkError) -> ConvolutionChoice {
    var choice = ConvolutionChoice()
    choice.allowsWinograd = winograd
    guard self == .mixed else { return choice }
    guard isAvailable else {
      throw NetworkError(
        .invalidDefinition,
        """
        The precision 'mixed' needs a processor with AVX-512 bf16; this one runs the kernels '\(KernelPath.current.rawValue)': \
        choose float32.
        """)
    }
    choice.usesBFloat16 = true
    return choice
  }
}
