internal import CKernels

/// Convolutions whose kernel is 1x1 in space: sums over taps of products of runs of positions, without unfolding.
enum TapConvolution {
  /// Positions of every frame of a clip that are worked on together, and their number of chunks.
  struct Chunks {
    let size: Int
    let count: Int

    /// - Parameter length: elements of all frames at one position.
    init(positions: Int, length: Int, clips: Int) {
      let byCache = max(24, (1 << 17) / max(length, 1) / 24 * 24)
      let byShare = max(24, (positions * clips + 15) / 16)
      let chunks = (positions + min(byCache, byShare) - 1) / min(byCache, byShare)
      size = (positions + chunks - 1) / chunks
      count = (positions + size - 1) / size
    }
  }

  static func chunks(_ shape: ConvolutionShape, backwardData: Bool) -> Chunks {
    let frames = backwardData ? shape.output.frames : shape.input.frames
    let channels = backwardData ? shape.outChannels : shape.inChannels
    return Chunks(
      positions: shape.input.height * shape.input.width, length: frames * channels, clips: shape.batch)
  }

  private static let gradientElements = 1 << 23

  /// Parts in which weight gradients are summed.
  static func gradientParts(_ shape: ConvolutionShape) -> Int {
    min(16, max(4, gradientElements / shape.weightCount))
  }

  static func sizes(
    _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_convolution_kernels
  ) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    let (inputs, outputs) = (Int64(shape.inChannels), Int64(shape.outChannels))
    let taps = Int64(shape.kernel.frames)
    switch pass {
    case .forward: sizes.packed = Int(kernels.panel_elements(taps * inputs, outputs))
    case .backwardData: sizes.packed = Int(kernels.panel_elements(taps * outputs, inputs))
    case .backwardWeights: sizes.shared = gradientParts(shape) * shape.weightCount
    }
    if pass != .backwardData {
      // A smaller batch has smaller chunks or the same.
      sizes.worker = chunks(shape, backwardData: false).size * shape.input.frames * shape.inChannels
    }
    return sizes
  }

  static func forward(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    run.pack(shape, weights, taps: Array(0..<shape.kernel.frames), transposed: false)
    let chunks = chunks(shape, backwardData: false)
    let positions = shape.input.height * shape.input.width
    run.pool.runParts(shape.batch * chunks.count) { unit, part, worker in
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunk * chunks.size..<min(positions, (chunk + 1) * chunks.size)
      let frames = load(shape, input, clip, range, run, worker)
      withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: shape.kernel.frames) { taps in
        for frame in 0..<shape.output.frames {
          for tap in 0..<shape.kernel.frames {
            taps[tap] = shape.inputFrame(frame, tap).map { frames.base + $0 * frames.stride }
          }
          let row = (clip * shape.output.frames + frame) * positions + range.lowerBound
          run.kernels.product(
            taps.baseAddress!, Int64(shape.kernel.frames), Int64(shape.inChannels), Int64(range.count),
            Int64(shape.inChannels), run.scratch.packed, Int64(shape.outChannels), output + row * shape.outChannels,
            Int64(shape.outChannels))
          written?(row..<row + range.count, part)
        }
      }
    }
  }

  static func backwardData(
    _ shape: ConvolutionShape, _ outputGradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
    _ inputGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    run.pack(shape, weights, taps: Array(0..<shape.kernel.frames), transposed: true)
    let chunks = chunks(shape, backwardData: true)
    let positions = shape.input.height * shape.input.width
    run.pool.runParts(shape.batch * chunks.count) { unit, part, worker in
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunk * chunks.size..<min(positions, (chunk + 1) * chunks.size)
      withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: shape.kernel.frames) { taps in
        for frame in 0..<shape.input.frames {
          for tap in 0..<shape.kernel.frames {
            taps[tap] = shape.outputFrame(frame, tap).map {
              outputGradient + ((clip * shape.output.frames + $0) * positions + range.lowerBound) * shape.outChannels
            }
          }
          let row = (clip * shape.input.frames + frame) * positions + range.lowerBound
          run.kernels.product(
            taps.baseAddress!, Int64(shape.kernel.frames), Int64(shape.outChannels), Int64(range.count),
            Int64(shape.outChannels), run.scratch.packed, Int64(shape.inChannels),
            inputGradient + row * shape.inChannels, Int64(shape.inChannels))
          written?(row..<row + range.count, part)
        }
      }
    }
  }

  static func backwardWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let chunks = chunks(shape, backwardData: false)
    let positions = shape.input.height * shape.input.width
    let (inputs, outputs) = (shape.inChannels, shape.outChannels)
    let units = shape.batch * chunks.count
    let limit = gradientParts(shape)
    run.pool.runParts(units, limit: limit) { unit, part, worker in
      let gradient = run.scratch.shared + part * shape.weightCount
      let parts = min(limit, units)
      if unit == part * units / parts { gradient.update(repeating: 0, count: shape.weightCount) }
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunk * chunks.size..<min(positions, (chunk + 1) * chunks.size)
      let frames = load(shape, input, clip, range, run, worker)
      for frame in 0..<shape.output.frames {
        let row = (clip * shape.output.frames + frame) * positions + range.lowerBound
        for tap in 0..<shape.kernel.frames {
          guard let source = shape.inputFrame(frame, tap) else { continue }
          run.kernels.product_transposed(
            frames.base + source * frames.stride, Int64(inputs), Int64(inputs), outputGradient + row * outputs,
            Int64(outputs), Int64(outputs), Int64(range.count), gradient + tap * inputs * outputs, Int64(outputs), true)
        }
      }
    }
    run.unpack(shape, parts: min(limit, units), stride: shape.weightCount, to: weightGradient)
  }

  /// The positions `range` of all frames of a clip: where they lie, or activated in the worker's area.
  private static func load(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ clip: Int, _ range: Range<Int>,
    _ run: ConvolutionRun, _ worker: Int
  ) -> (base: UnsafePointer<Float>, stride: Int) {
    let channels = shape.inChannels
    let frameStride = shape.input.height * shape.input.width * channels
    let base = input.elements + clip * shape.input.frames * frameStride + range.lowerBound * channels
    guard input.scale != nil else { return (base, frameStride) }
    let area = run.scratch.area(worker)
    let stride = range.count * channels
    for frame in 0..<shape.input.frames {
      run.kernels.activate(
        base + frame * frameStride, Int64(range.count), Int64(channels), input.activation, area + frame * stride)
    }
    return (UnsafePointer(area), stride)
  }
}

extension ConvolutionShape {
  /// The input frame that `tap` of an output frame reads, if it exists.
  func inputFrame(_ output: Int, _ tap: Int) -> Int? {
    let frame = output * stride.frames - padding.frames + tap
    return frame >= 0 && frame < input.frames ? frame : nil
  }

  /// The output frame whose `tap` reads an input frame, if it exists.
  func outputFrame(_ input: Int, _ tap: Int) -> Int? {
    let position = input + padding.frames - tap
    guard position >= 0, position.isMultiple(of: stride.frames) else { return nil }
    let frame = position / stride.frames
    return frame < output.frames ? frame : nil
  }
}
