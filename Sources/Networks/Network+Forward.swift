internal import Tensors

extension Network {
  /// One training step on the clips in `memory.input`.
  func step(
    _ parameters: UnsafePointer<Scalar>, _ labels: [Int], _ gradient: UnsafeMutablePointer<Scalar>
  ) -> TrainResult {
    forward(parameters, count: labels.count, mode: .train, gradient: gradient)
    let elements = labels.count * definition.classes
    Scalar.widen(memory.logits, count: elements, to: memory.exactLogits)
    let result = SoftmaxCrossEntropy.evaluate(
      memory.exactLogits, classes: definition.classes, labels: labels, differentiate: true)
    Scalar.narrow(memory.exactLogits, count: elements, to: memory.logitGradient)
    backward(parameters, count: labels.count, gradient: gradient)
    clearPadding(gradient)
    return result
  }

  /// Logits of the first `count` clips in `memory.input`; with `.train`, batch statistics go to `gradient` if given.
  func forward(
    _ parameters: UnsafePointer<Scalar>, count: Int, mode: Mode, gradient: UnsafeMutablePointer<Scalar>?
  ) {
    var input = memory.input
    for block in blocks {
      let blockInput = input
      for (index, layer) in block.units.enumerated() {
        convolve(layer, input, parameters, count: count, mode: mode, gradient: gradient)
        if index < block.units.count - 1 || !block.isResidual {
          normalize(layer, count: count)
        } else {
          if let shortcut = block.shortcut {
            convolve(shortcut, blockInput, parameters, count: count, mode: mode, gradient: gradient)
          }
          normalize(layer, adding: blockInput, through: block.shortcut, count: count)
        }
        input = layer.activation!
      }
    }
    let rows = architecture.output.volume
    let (features, pooled) = (architecture.features, memory.pooled)
    pool.run(count) { clip, _ in
      Scalar.pool(input + clip * rows * features, rows, features, pooled + clip * features)
    }
    convolution.forward(
      classifierShape(count: count), input: pooled, weights: parameters + classifierWeight.offset,
      output: memory.logits)
    Scalar.addBias(memory.logits, count, definition.classes, parameters + classifierBias.offset)
  }

  func classifierShape(count: Int) -> ConvolutionShape {
    var shape = architecture.classifier
    shape.batch = count
    return shape
  }

  /// The layer's products, and the coefficients that normalise them.
  private func convolve(
    _ layer: NormalizedConvolution<Scalar>, _ input: UnsafePointer<Scalar>, _ parameters: UnsafePointer<Scalar>,
    count: Int, mode: Mode, gradient: UnsafeMutablePointer<Scalar>?
  ) {
    convolution.forward(
      layer.shape(count: count), input: input, weights: parameters + layer.weight.offset, output: layer.products)
    switch mode {
    case .train:
      normalization.prepareBatch(
        layer, rows: count * layer.unit.shape.outputRows, parameters: parameters, gradient: gradient)
    case .eval:
      normalization.prepareRunning(layer, parameters: parameters)
    }
  }

  private func normalize(_ layer: NormalizedConvolution<Scalar>, count: Int) {
    let channels = layer.channels
    let output = layer.activation!
    pool.runRows(count * layer.unit.shape.outputRows, channels) { range in
      let start = range.lowerBound * channels
      Scalar.normalize(
        layer.products + start, range.count, channels, layer.scale, layer.offset, layer.unit.relu, output + start)
    }
  }

  /// The end of a residual block: ReLU of the normalised products plus the block's input or its normalised shortcut.
  private func normalize(
    _ layer: NormalizedConvolution<Scalar>, adding blockInput: UnsafeMutablePointer<Scalar>,
    through shortcut: NormalizedConvolution<Scalar>?, count: Int
  ) {
    let channels = layer.channels
    let output = layer.activation!
    let residual = shortcut?.products ?? blockInput
    let (scale, offset) = (shortcut.map { UnsafePointer($0.scale) }, shortcut.map { UnsafePointer($0.offset) })
    pool.runRows(count * layer.unit.shape.outputRows, channels) { range in
      let start = range.lowerBound * channels
      Scalar.normalizeAdd(
        layer.products + start, range.count, channels, layer.scale, layer.offset, residual + start, scale, offset,
        output + start)
    }
  }

  /// Zeroes what lies between the segments.
  private func clearPadding(_ gradient: UnsafeMutablePointer<Scalar>) {
    for (segment, next) in zip(layout.segments, layout.segments.dropFirst().map(\.offset) + [layout.count]) {
      let end = segment.range.upperBound
      if next > end { (gradient + end).update(repeating: 0, count: next - end) }
    }
  }
}
