internal import Tensors

/// Settings of stochastic gradient descent.
package struct SGDOptions: Sendable, Equatable {
  package var momentum: Double
  package var nesterov: Bool
  /// On convolution and classifier weights and BN gammas.
  package var weightDecay: Double
  package var learningRate: Double

  package init(momentum: Double = 0.9, nesterov: Bool = true, weightDecay: Double = 1e-4, learningRate: Double) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.learningRate = learningRate
  }
}

/// The update of parameters and running statistics, element by element.
package enum SGD {
  /// Share of the batch in new running statistics (paper.md section 1).
  package static let runningFraction = 0.1

  /// Updates the block of the flat vector that starts at element `offset`.
  ///
  /// With g = sum · scale: d = g + decay·w; v = momentum·v + d; w −= rate·(d + momentum·v), or rate·v without Nesterov
  /// (PyTorch's form, paper.md section 3). Running statistics: 0.9 · running + 0.1 · g. Padding stays as it is. Every product is
  /// fused with its sum, so that the bits depend neither on the instruction set nor on how the vector is cut.
  /// - Parameters:
  ///   - offset: first element of the block in the vector; blocks may cut segments anywhere.
  ///   - parameters, momentum, sum: the block's elements, equally many. `sum` is over all replicas.
  ///   - scale: 1 / replicas.
  package static func update<Scalar: NetworkScalar>(
    layout: ParameterLayout, offset: Int, parameters: UnsafeMutableBufferPointer<Scalar>,
    momentum: UnsafeMutableBufferPointer<Scalar>, sum: UnsafeBufferPointer<Scalar>, scale: Scalar, options: SGDOptions
  ) {
    precondition(
      offset >= 0 && parameters.count == momentum.count && parameters.count == sum.count
        && offset + parameters.count <= layout.count, "a block of the layout's vector")
    let block = offset..<offset + parameters.count
    guard let w = parameters.baseAddress, let v = momentum.baseAddress, let g = sum.baseAddress else { return }
    for segment in layout.segments {
      let range = segment.range.clamped(to: block)
      if range.isEmpty { continue }
      let start = range.lowerBound - offset
      switch segment.role {
      case .weight, .bias:
        Scalar.sgd(
          w + start, v + start, g + start, range.count, scale, Scalar(options.learningRate), Scalar(options.momentum),
          Scalar(segment.role == .weight ? options.weightDecay : 0), options.nesterov)
      case .runningMean, .runningVariance:
        Scalar.running(
          w + start, g + start, range.count, scale, Scalar(1 - runningFraction), Scalar(runningFraction))
      }
    }
  }
}
