internal import Tensors

extension Network {
  /// One training step on the clips in `memory.input`.
  func step(
    _ parameters: UnsafePointer<Scalar>, _ labels: [[Int]], _ gradient: UnsafeMutablePointer<Scalar>,
    onNeed: (Int) -> Void = { _ in }, onFinal: (Int) -> Void = { _ in }
  ) -> TrainResult {
    clearPadding(gradient)
    forward(parameters, count: labels.count, mode: .train, gradient: gradient, onNeed: onNeed)
    let elements = labels.count * definition.classes
    Scalar.widen(memory.logits, count: elements, to: memory.exactLogits)
    let result = loss.evaluate(memory.exactLogits, classes: definition.classes, labels: labels)
    Scalar.narrow(memory.exactLogits, count: elements, to: memory.logitGradient)
    backward(parameters, count: labels.count, gradient: gradient, onFinal: onFinal)
    return result
  }

  /// Logits of the first `count` clips in `memory.input`; with `.train`, batch statistics go to `gradient` if given.
  /// - Parameter onNeed: called before parameters up to this one are read: of each block, and of all but the running
  ///   statistics, which training does not read.
  func forward(
    _ parameters: UnsafePointer<Scalar>, count: Int, mode: Mode, gradient: UnsafeMutablePointer<Scalar>?,
    onNeed: (Int) -> Void = { _ in }
  ) {
    let map = lastMap(parameters, count: count, mode: mode, gradient: gradient, onNeed: onNeed)
    onNeed(classifierBias.range.upperBound)
    let rows = architecture.output.volume
    let (features, pooled) = (architecture.features, memory.pooled)
    pool.run(count) { clip, _ in
      Scalar.pool(map + clip * rows * features, rows, features, pooled + clip * features)
    }
    classify(parameters, count: count)
  }

  /// The last block's output, (count, T, H, W, features).
  func lastMap(
    _ parameters: UnsafePointer<Scalar>, count: Int, mode: Mode, gradient: UnsafeMutablePointer<Scalar>?,
    onNeed: (Int) -> Void = { _ in }
  ) -> UnsafeMutablePointer<Scalar> {
    var input = memory.input
    for block in blocks {
      onNeed(block.endElement)
      var chain = ConvolutionInput(input)
      for layer in block.units {
        convolve(layer, chain, parameters, count: count, mode: mode, gradient: gradient)
        chain = layer.normalized
      }
      if let shortcut = block.shortcut {
        convolve(shortcut, ConvolutionInput(input), parameters, count: count, mode: mode, gradient: gradient)
      }
      finish(block, input, count: count)
      input = block.output
    }
    return input
  }

  /// `memory.logits` of the first `count` rows of `memory.pooled`.
  func classify(_ parameters: UnsafePointer<Scalar>, count: Int) {
    convolution.forward(
      classifierShape(count: count), input: ConvolutionInput(memory.pooled),
      weights: parameters + classifierWeight.offset,
      output: memory.logits, written: nil)
    Scalar.addBias(memory.logits, count, definition.classes, parameters + classifierBias.offset)
  }

  func classifierShape(count: Int) -> ConvolutionShape {
    var shape = architecture.classifier
    shape.batch = count
    return shape
  }

  /// The layer's products, and the coefficients that normalise them.
  private func convolve(
    _ layer: NormalizedConvolution<Scalar>, _ input: ConvolutionInput<Scalar>, _ parameters: UnsafePointer<Scalar>,
    count: Int, mode: Mode, gradient: UnsafeMutablePointer<Scalar>?
  ) {
    let shape = layer.shape(count: count)
    let weights = parameters + layer.weight.offset
    switch mode {
    case .train:
      convolution.forward(
        shape, input: input, weights: weights, output: layer.products, written: normalization.statistics(of: layer))
      normalization.prepareBatch(
        layer, rows: count * layer.unit.shape.outputRows, parameters: parameters, gradient: gradient)
    case .eval:
      convolution.forward(shape, input: input, weights: weights, output: layer.products, written: nil)
      normalization.prepareRunning(layer, parameters: parameters)
    }
  }

  /// The end of a block: ReLU of the normalised products, plus the block's input or its normalised shortcut if residual.
  private func finish(_ block: ResidualBlock<Scalar>, _ input: UnsafePointer<Scalar>, count: Int) {
    let layer = block.units.last!
    let (channels, output) = (layer.channels, block.output)
    let residual = block.shortcut.map { UnsafePointer($0.products) } ?? input
    let scale = block.shortcut.map { UnsafePointer($0.scale) }
    let offset = block.shortcut.map { UnsafePointer($0.offset) }
    pool.runRows(count * layer.unit.shape.outputRows, channels) { range in
      let start = range.lowerBound * channels
      if block.isResidual {
        Scalar.normalizeAdd(
          layer.products + start, range.count, channels, layer.scale, layer.offset, residual + start, scale, offset,
          output + start)
      } else {
        Scalar.normalize(
          layer.products + start, range.count, channels, layer.scale, layer.offset, true, output + start)
      }
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
