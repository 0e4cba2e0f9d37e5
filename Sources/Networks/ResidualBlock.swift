/// The layers of one block: a chain, and a shortcut around it.
struct ResidualBlock<Scalar: NetworkScalar> {
  let units: [NormalizedConvolution<Scalar>]
  let shortcut: NormalizedConvolution<Scalar>?
  let isResidual: Bool

  /// The block's output activation.
  var output: UnsafeMutablePointer<Scalar> { units.last!.activation! }

  init(_ block: Architecture.Block, batch: Int, named: (String) -> ParameterLayout.Segment) {
    units = block.units.map { NormalizedConvolution($0, batch: batch, isShortcut: false, named: named) }
    shortcut = block.shortcut.map { NormalizedConvolution($0, batch: batch, isShortcut: true, named: named) }
    isResidual = block.isResidual
  }
}
