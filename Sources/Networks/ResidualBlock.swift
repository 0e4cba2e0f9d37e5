internal import Tensors

/// The layers of one block: a chain, and a shortcut around it; all memory lies in the network's arena.
struct ResidualBlock<Scalar: NetworkScalar> {
  let units: [NormalizedConvolution<Scalar>]
  let shortcut: NormalizedConvolution<Scalar>?
  let isResidual: Bool
  /// The block's output, after addition and ReLU, and its gradient.
  let output: UnsafeMutablePointer<Scalar>
  let outputGradient: UnsafeMutablePointer<Scalar>
  /// d products of the last unit.
  let productsGradient: UnsafeMutablePointer<Scalar>
  /// d input of every unit but the first.
  let inputGradients: [UnsafeMutablePointer<Scalar>?]
  /// d input by way of the shortcut.
  let shortcutGradient: UnsafeMutablePointer<Scalar>?

  /// The first of its parameters in the flat vector; a block's lie together.
  var firstElement: Int { layers.map(\.weight.offset).min()! }

  /// The end of its weights, gammas and betas.
  var endElement: Int { layers.map(\.beta.range.upperBound).max()! }

  private var layers: [NormalizedConvolution<Scalar>] { units + (shortcut.map { [$0] } ?? []) }

  init(
    _ block: Architecture.Block, _ slots: BlockSlots, named: (String) -> ParameterLayout.Segment,
    pointer: (MemoryPlan.Slot) -> UnsafeMutablePointer<Scalar>
  ) {
    units = zip(block.units, slots.products).map { NormalizedConvolution($0, products: pointer($1), named: named) }
    shortcut = block.shortcut.map {
      NormalizedConvolution($0, products: pointer(slots.shortcutProducts!), named: named)
    }
    isResidual = block.isResidual
    output = pointer(slots.output)
    outputGradient = pointer(slots.outputGradient)
    productsGradient = pointer(slots.productsGradient)
    inputGradients = slots.inputGradients.map { $0.map(pointer) }
    shortcutGradient = slots.shortcutGradient.map(pointer)
  }
}
