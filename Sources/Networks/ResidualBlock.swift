internal import Tensors

/// The layers of one block: a chain, and a shortcut around it.
struct ResidualBlock<Scalar: NetworkScalar> {
  let units: [NormalizedConvolution<Scalar>]
  let shortcut: NormalizedConvolution<Scalar>?
  let isResidual: Bool
  /// The block's output, after addition and ReLU.
  let output: UnsafeMutablePointer<Scalar>

  private let storage: AlignedBuffer

  init(_ block: Architecture.Block, batch: Int, named: (String) -> ParameterLayout.Segment) {
    units = block.units.map { NormalizedConvolution($0, batch: batch, named: named) }
    shortcut = block.shortcut.map { NormalizedConvolution($0, batch: batch, named: named) }
    isResidual = block.isResidual
    storage = AlignedBuffer(byteCount: batch * block.units.last!.shape.outputCount * MemoryLayout<Scalar>.stride)
    output = storage.elements(Scalar.self).baseAddress!
  }
}
