internal import Tensors

/// Settings of stochastic gradient descent.
package struct SGDOptions: Sendable, Equatable {
  package var momentum: Double
  package var nesterov: Bool
  /// On convolution and classifier weights and BN gammas.
  package var weightDecay: Double
  package var learningRate: Double
  /// Factor on the gradient, below 1 where its norm is clipped.
  package var gradientScale: Double

  package init(
    momentum: Double = 0.9, nesterov: Bool = true, weightDecay: Double = 1e-4, learningRate: Double,
    gradientScale: Double = 1
  ) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.learningRate = learningRate
    self.gradientScale = gradientScale
  }
}

/// The update of parameters and running statistics, element by element.
package enum SGD {
  /// Share of the batch in new running statistics (paper.md section 1).
  package static let runningFraction = 0.1

  /// Updates the block of the flat vector that starts at element `offset`.
  ///
  /// With g = sum · scale · gradient scale: d = g + decay·w; v = momentum·v + d; w −= rate·(d + momentum·v), or rate·v without Nesterov
  /// (PyTorch's form, paper.md section 3). Running statistics: 0.9 · running + 0.1 · sum · scale. Padding stays as it is. Every product is
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
    for segment in layout.segments[layout.firstSegment(endingAfter: offset)...] {
      guard segment.offset < block.upperBound else { break }
      let range = segment.range.clamped(to: block)
      if range.isEmpty { continue }
      let start = range.lowerBound - offset
      switch segment.role {
      case .weight, .bias:
        Scalar.sgd(
          w + start, v + start, g + start, range.count, scale * Scalar(options.gradientScale),
          Scalar(options.learningRate), Scalar(options.momentum),
          Scalar(segment.role == .weight ? options.weightDecay : 0), options.nesterov)
      case .runningMean, .runningVariance:
        Scalar.running(
          w + start, g + start, range.count, scale, Scalar(1 - runningFraction), Scalar(runningFraction))
      }
    }
  }
}

// MARK: - Clipping

extension SGD {
  /// The squared Euclidean norm of a block of the gradient sum · scale, in double; batch statistics do not count.
  ///
  /// Eight partial sums by place within a segment, added in order: the bits depend on how the vector is cut, so it is
  /// always cut into the same blocks.
  /// - Parameters: as of ``update(layout:offset:parameters:momentum:sum:scale:options:)``.
  package static func squaredNorm(
    layout: ParameterLayout, offset: Int, sum: UnsafeBufferPointer<Float>, scale: Float
  ) -> Double {
    precondition(offset >= 0 && offset + sum.count <= layout.count, "a block of the layout's vector")
    let block = offset..<offset + sum.count
    var total = 0.0
    for segment in layout.segments where segment.role == .weight || segment.role == .bias {
      let range = segment.range.clamped(to: block)
      if range.isEmpty { continue }
      let values = UnsafeBufferPointer(rebasing: sum[(range.lowerBound - offset)..<(range.upperBound - offset)])
      total += squaredNorm(values, scale: Double(scale))
    }
    return total
  }

  private static func squaredNorm(_ values: UnsafeBufferPointer<Float>, scale: Double) -> Double {
    let bytes = UnsafeRawBufferPointer(values)
    let vectors = values.count / 8
    var lanes = SIMD8<Double>(repeating: 0)
    for index in 0..<vectors {
      let gradient = SIMD8<Double>(bytes.loadUnaligned(fromByteOffset: index * 32, as: SIMD8<Float>.self)) * scale
      lanes += gradient * gradient
    }
    var sum = 0.0
    for lane in 0..<8 { sum += lanes[lane] }
    for index in (vectors * 8)..<values.count { sum += Double(values[index]) * scale * (Double(values[index]) * scale) }
    return sum
  }

  /// What a gradient is multiplied by so that its norm is at most `limit`: PyTorch's `clip_grad_norm_`.
  package static func clipScale(squaredNorm: Double, limit: Double) -> Double {
    min(1, limit / (squaredNorm.squareRoot() + 1e-6))
  }
}
