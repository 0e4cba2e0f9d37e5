internal import Tensors

extension Network {
  /// Gradients of all parameters from `memory.logitGradient`, after a forward pass with batch statistics.
  func backward(_ parameters: UnsafePointer<Scalar>, count: Int, gradient: UnsafeMutablePointer<Scalar>) {
    var current = 0
    backwardClassifier(parameters, count: count, gradient: gradient, result: memory.gradients[current])
    for (index, block) in blocks.enumerated().reversed() {
      let input = index == 0 ? memory.input : blocks[index - 1].output
      if block.isResidual {
        current = backwardResidual(
          block, input, parameters, count: count, gradient: gradient, outputGradient: current)
      } else {
        current = backwardChain(
          block, input, parameters, count: count, gradient: gradient, outputGradient: current,
          needsInputGradient: index > 0)
      }
    }
  }

  private func backwardClassifier(
    _ parameters: UnsafePointer<Scalar>, count: Int, gradient: UnsafeMutablePointer<Scalar>,
    result: UnsafeMutablePointer<Scalar>
  ) {
    let shape = classifierShape(count: count)
    let classes = definition.classes
    convolution.backwardWeights(
      shape, input: memory.pooled, outputGradient: memory.logitGradient,
      weightGradient: gradient + classifierWeight.offset)
    let bias = gradient + classifierBias.offset
    bias.update(repeating: 0, count: classes)
    for clip in 0..<count { Scalar.add(bias, memory.logitGradient + clip * classes, classes) }
    convolution.backwardData(
      shape, outputGradient: memory.logitGradient, weights: parameters + classifierWeight.offset,
      inputGradient: memory.pooledGradient)
    let rows = architecture.output.volume
    let (features, pooledGradient) = (architecture.features, memory.pooledGradient)
    pool.run(count) { clip, _ in
      Scalar.poolBackward(
        pooledGradient + clip * features, rows, features, 1 / Scalar(rows), result + clip * rows * features)
    }
  }

  /// Backward through a residual block.
  /// - Parameter outputGradient: which gradient buffer holds d output; it is overwritten.
  /// - Returns: which one holds d input.
  private func backwardResidual(
    _ block: ResidualBlock<Scalar>, _ input: UnsafeMutablePointer<Scalar>, _ parameters: UnsafePointer<Scalar>,
    count: Int, gradient: UnsafeMutablePointer<Scalar>, outputGradient: Int
  ) -> Int {
    let last = block.units.last!
    let outgoing = memory.gradients[outputGradient]
    let output = block.output
    pool.runBlocks(of: 1 << 15, in: count * last.unit.shape.outputCount) { range, _ in
      Scalar.mask(outgoing + range.lowerBound, output + range.lowerBound, range.count)
    }
    // The masked gradient goes both ways: the chain leaves it as it is.
    var current = (outputGradient + 1) % 3
    let spare = (outputGradient + 2) % 3
    var other = spare
    for (index, layer) in block.units.enumerated().reversed() {
      let isLast = index == block.units.count - 1
      let target = memory.gradients[current]
      normalization.backward(
        layer, rows: count * layer.unit.shape.outputRows, masked: !isLast, parameters: parameters,
        outputGradient: isLast ? outgoing : target, gradient: gradient, result: target)
      backwardConvolution(
        layer, index == 0 ? input : block.units[index - 1].activation!, parameters, count: count, gradient: gradient,
        outputGradient: target, inputGradient: memory.gradients[other])
      swap(&current, &other)
    }
    var addend = outgoing
    if let shortcut = block.shortcut {
      normalization.backward(
        shortcut, rows: count * shortcut.unit.shape.outputRows, masked: false, parameters: parameters,
        outputGradient: outgoing, gradient: gradient, result: outgoing)
      addend = memory.gradients[other]
      backwardConvolution(
        shortcut, input, parameters, count: count, gradient: gradient, outputGradient: outgoing, inputGradient: addend)
    }
    let inputGradient = memory.gradients[current]
    pool.runBlocks(of: 1 << 15, in: count * block.units[0].unit.shape.inputCount) { range, _ in
      Scalar.add(inputGradient + range.lowerBound, addend + range.lowerBound, range.count)
    }
    return current
  }

  /// Backward through a chain without a shortcut, the stem; returns which buffer holds d input, if it is needed.
  private func backwardChain(
    _ block: ResidualBlock<Scalar>, _ input: UnsafeMutablePointer<Scalar>, _ parameters: UnsafePointer<Scalar>,
    count: Int, gradient: UnsafeMutablePointer<Scalar>, outputGradient: Int, needsInputGradient: Bool
  ) -> Int {
    var current = outputGradient
    for (index, layer) in block.units.enumerated().reversed() {
      let target = memory.gradients[current]
      normalization.backward(
        layer, rows: count * layer.unit.shape.outputRows, masked: layer.unit.relu, parameters: parameters,
        outputGradient: target, gradient: gradient, result: target)
      let next = (current + 1) % 3
      backwardConvolution(
        layer, index == 0 ? input : block.units[index - 1].activation!, parameters, count: count, gradient: gradient,
        outputGradient: target, inputGradient: index > 0 || needsInputGradient ? memory.gradients[next] : nil)
      current = next
    }
    return current
  }

  private func backwardConvolution(
    _ layer: NormalizedConvolution<Scalar>, _ input: UnsafePointer<Scalar>, _ parameters: UnsafePointer<Scalar>,
    count: Int, gradient: UnsafeMutablePointer<Scalar>, outputGradient: UnsafePointer<Scalar>,
    inputGradient: UnsafeMutablePointer<Scalar>?
  ) {
    let shape = layer.shape(count: count)
    convolution.backwardWeights(
      shape, input: input, outputGradient: outputGradient, weightGradient: gradient + layer.weight.offset)
    guard let inputGradient else { return }
    convolution.backwardData(
      shape, outputGradient: outputGradient, weights: parameters + layer.weight.offset, inputGradient: inputGradient)
  }
}
