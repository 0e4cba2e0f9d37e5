internal import Tensors

extension Network {
  /// Gradients of all parameters from `memory.logitGradient`, after a forward pass with batch statistics.
  /// - Parameter onFinal: called after the classifier and each block: the gradient's elements from this one on are final.
  func backward(
    _ parameters: UnsafePointer<Scalar>, count: Int, gradient: UnsafeMutablePointer<Scalar>, onFinal: (Int) -> Void
  ) {
    let pass = BackwardPass(parameters: parameters, count: count, gradient: gradient)
    backwardClassifier(pass)
    onFinal(classifierWeight.offset)
    for index in blocks.indices.reversed() {
      backward(
        blocks[index], input: index == 0 ? memory.input : blocks[index - 1].output, pass,
        previous: index == 0 ? nil : blocks[index - 1])
      onFinal(blocks[index].firstElement)
    }
  }

  /// What every step of a backward pass needs.
  private struct BackwardPass {
    let parameters: UnsafePointer<Scalar>
    let count: Int
    let gradient: UnsafeMutablePointer<Scalar>
  }

  private func backwardClassifier(_ pass: BackwardPass) {
    let shape = classifierShape(count: pass.count)
    let classes = definition.classes
    convolution.backwardWeights(
      shape, input: ConvolutionInput(memory.pooled), outputGradient: memory.logitGradient,
      weightGradient: pass.gradient + classifierWeight.offset)
    let bias = pass.gradient + classifierBias.offset
    bias.update(repeating: 0, count: classes)
    for clip in 0..<pass.count { Scalar.add(bias, memory.logitGradient + clip * classes, classes) }
    convolution.backwardData(
      shape, outputGradient: memory.logitGradient, weights: pass.parameters + classifierWeight.offset,
      inputGradient: memory.pooledGradient, written: nil)
    let rows = architecture.output.volume
    let (features, pooledGradient) = (architecture.features, memory.pooledGradient)
    let result = blocks.last!.outputGradient
    let arrived = arrived(at: blocks.last!, adding: nil)
    pool.runParts(pass.count) { clip, part, _ in
      Scalar.poolBackward(
        pooledGradient + clip * features, rows, features, 1 / Scalar(rows), result + clip * rows * features)
      arrived(clip * rows..<(clip + 1) * rows, part)
    }
  }

  /// For rows of d output of a block as they are written: adds the other branch's, applies the mask of the last ReLU, and
  /// takes the sums that normalisation needs.
  private func arrived(
    at block: ResidualBlock<Scalar>, adding addend: UnsafePointer<Scalar>?
  ) -> RowsWritten {
    let outputGradient = block.outputGradient
    let last = block.units.last!
    let (output, channels) = (block.output, last.channels)
    let sums = normalization.gradientSums(of: last, outputGradient, masked: false)
    let shortcutSums = block.shortcut.map {
      normalization.gradientSums(of: $0, outputGradient, masked: false, isShortcut: true)
    }
    return { rows, part in
      let (start, elements) = (rows.lowerBound * channels, rows.count * channels)
      if let addend { Scalar.add(outputGradient + start, addend + start, elements) }
      Scalar.mask(outputGradient + start, output + start, elements)
      sums(rows, part)
      shortcutSums?(rows, part)
    }
  }

  /// Backward through a block whose d output has arrived, in the order of `TrainingPlan`.
  /// - Parameter previous: the block that made `input`; without one, d input is not computed.
  private func backward(
    _ block: ResidualBlock<Scalar>, input: UnsafeMutablePointer<Scalar>, _ pass: BackwardPass,
    previous: ResidualBlock<Scalar>?
  ) {
    let outgoing = block.outputGradient
    var source = block.productsGradient
    normalize(block.units.last!, pass, outgoing, result: source)
    var addend: UnsafeMutablePointer<Scalar>? = block.isResidual ? outgoing : nil
    if let shortcut = block.shortcut {
      normalize(shortcut, pass, outgoing, result: outgoing, isShortcut: true)
      addend = block.shortcutGradient
      convolve(shortcut, ConvolutionInput(input), pass, outgoing, inputGradient: addend, written: nil)
    }
    for (index, layer) in block.units.enumerated().reversed() {
      guard index > 0 else {
        convolve(
          layer, ConvolutionInput(input), pass, source, inputGradient: previous?.outputGradient,
          written: previous.map { arrived(at: $0, adding: addend) })
        return
      }
      let below = block.units[index - 1]
      let target = block.inputGradients[index]!
      convolve(
        layer, below.normalized, pass, source, inputGradient: target,
        written: normalization.gradientSums(of: below, target, masked: true))
      normalize(below, pass, target, result: target, masked: true)
      source = target
    }
  }

  /// d products of a layer from the gradient of its normalised output, whose sums were taken.
  private func normalize(
    _ layer: NormalizedConvolution<Scalar>, _ pass: BackwardPass, _ outputGradient: UnsafeMutablePointer<Scalar>,
    result: UnsafeMutablePointer<Scalar>, masked: Bool = false, isShortcut: Bool = false
  ) {
    normalization.backward(
      layer, rows: pass.count * layer.unit.shape.outputRows, masked: masked, parameters: pass.parameters,
      outputGradient: outputGradient, gradient: pass.gradient, result: result, isShortcut: isShortcut)
  }

  private func convolve(
    _ layer: NormalizedConvolution<Scalar>, _ input: ConvolutionInput<Scalar>, _ pass: BackwardPass,
    _ outputGradient: UnsafePointer<Scalar>, inputGradient: UnsafeMutablePointer<Scalar>?, written: RowsWritten?
  ) {
    let shape = layer.shape(count: pass.count)
    convolution.backwardWeights(
      shape, input: input, outputGradient: outputGradient, weightGradient: pass.gradient + layer.weight.offset)
    guard let inputGradient else { return }
    convolution.backwardData(
      shape, outputGradient: outputGradient, weights: pass.parameters + layer.weight.offset,
      inputGradient: inputGradient, written: written)
  }
}
