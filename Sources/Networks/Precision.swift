internal import Tensors

/// The arithmetic a network computes in.
package enum Precision: String, Sendable, CaseIterable {
  case float32
  /// bfloat16 products where they are faster.
  case mixed
  /// The scalar reference.
  case float64

  /// What it means for convolutions.
  /// - Throws: when this processor lacks it.
  func convolutionChoice() throws(NetworkError) -> ConvolutionChoice {
    var choice = ConvolutionChoice()
    guard self == .mixed else { return choice }
    guard KernelPath.current.hasBFloat16 else {
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
