internal import CKernels

/// Temporal convolutions of 3x1x1 by Winograd's F(4, 3) through the frames: where four frames of outputs take twelve
/// products directly, they take six.
///
/// Backward-data is the same convolution of dy with exchanged channels and reversed taps.
struct TimeWinogradConvolution {
  private let shape: ConvolutionShape
  private let pass: ConvolutionPass
  private let kernels: sluice_time_kernels
  private let products: sluice_products
  private let chunks: PositionChunks
  private let points: Int
  /// Frames that a line has outputs for, and lines that cover all frames.
  private let lineOutputs: Int
  private let lines: Int
  /// Channels of the map that is read, and of the one that is written; for backward-weights of x and dy.
  private let inputs: Int
  private let outputs: Int

  init(
    _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_time_kernels, _ products: sluice_products
  ) {
    self.shape = shape
    self.pass = pass
    self.kernels = kernels
    self.products = products
    points = Int(kernels.points)
    lineOutputs = Int(kernels.outputs)
    lines = (shape.input.frames + lineOutputs - 1) / lineOutputs
    inputs = pass == .backwardData ? shape.outChannels : shape.inChannels
    outputs = pass == .backwardData ? shape.inChannels : shape.outChannels
    chunks = PositionChunks(shape, length: points * (inputs + outputs))
  }

  private var frames: Int { shape.input.frames }
  private var positions: Int { shape.input.height * shape.input.width }
  private var units: Int { shape.batch * chunks.count }

  /// Parts of weight gradients.
  private var gradientParts: Int { min(16, max(2, (1 << 22) / (points * inputs * outputs))) }

  func sizes(_ panels: sluice_convolution_kernels) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    sizes.worker = chunks.size * points * (inputs + outputs)
    if pass == .backwardWeights {
      sizes.shared = gradientParts * points * inputs * outputs
    } else {
      sizes.packed = points * Int(panels.panel_elements(Int64(inputs), Int64(outputs)))
      sizes.shared = points * inputs * outputs
    }
    return sizes
  }

  // MARK: Forward and backward-data

  func multiply(
    _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let panelStride = pack(weights, run)
    run.pool.runParts(units) { unit, part, worker in
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunks.positions(chunk, of: positions)
      let v = run.scratch.area(worker)
      let (vStride, qStride) = (range.count * inputs, range.count * outputs)
      let q = v + points * vStride
      for line in 0..<lines {
        transform(input, clip, line, range, to: v)
        for point in 0..<points {
          withUnsafePointer(to: Optional(UnsafePointer(v + point * vStride))) {
            products.product(
              $0, 1, Int64(range.count), Int64(inputs), run.scratch.packed + point * panelStride, Int64(outputs),
              q + point * qStride, Int64(outputs))
          }
        }
        let rows = (0..<lineOutputs).map { offset -> Int? in
          let frame = line * lineOutputs + offset
          return frame < frames ? (clip * frames + frame) * positions + range.lowerBound : nil
        }
        kernels.output(q, Int64(qStride), Int64(qStride), rows.map { $0.map { output + $0 * outputs } })
        for case .some(let row) in rows { written?(row..<row + range.count, part) }
      }
    }
  }

  /// Transforms weights and packs each point's.
  /// - Returns: elements between two points' panels.
  private func pack(_ weights: UnsafePointer<Float>, _ run: ConvolutionRun) -> Int {
    let (shape, transformed) = (shape, run.scratch.shared)
    let isReversed = pass == .backwardData
    run.pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      let first = channels.lowerBound * shape.inChannels
      kernels.weights(
        weights + first * 3, Int64(channels.count * shape.inChannels), isReversed, transformed + first * points)
    }
    let stride = Int(run.kernels.panel_elements(Int64(inputs), Int64(outputs)))
    for point in 0..<points {
      run.pack(shape, transformed, of: points, taps: [point], transposed: isReversed, offset: point * stride)
    }
    return stride
  }

  /// Six frames of the input, of which the second is the line's first output, transformed.
  private func transform(
    _ input: ConvolutionInput<Float>, _ clip: Int, _ line: Int, _ range: Range<Int>, to v: UnsafeMutablePointer<Float>
  ) {
    let rows = (0..<points).map { frame(input.elements, inputs, clip, line * lineOutputs - 1 + $0, range) }
    kernels.input(
      rows, Int64(range.count), Int64(inputs), input.activation, v, Int64(range.count * inputs))
  }

  /// Where positions of a clip's frame lie, if there is such a frame.
  private func frame(
    _ elements: UnsafePointer<Float>, _ channels: Int, _ clip: Int, _ frame: Int, _ range: Range<Int>
  ) -> UnsafePointer<Float>? {
    guard (0..<frames).contains(frame) else { return nil }
    return elements + ((clip * frames + frame) * positions + range.lowerBound) * channels
  }

  // MARK: Backward-weights

  func differentiate(
    _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let parts = min(gradientParts, units)
    let plane = inputs * outputs
    let gradients = run.scratch.shared
    run.pool.runParts(units, limit: parts) { unit, part, worker in
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunks.positions(chunk, of: positions)
      let v = run.scratch.area(worker)
      let (vStride, qStride) = (range.count * inputs, range.count * outputs)
      let q = v + points * vStride
      for line in 0..<lines {
        transform(input, clip, line, range, to: v)
        let rows = (0..<lineOutputs).map { frame(outputGradient, outputs, clip, line * lineOutputs + $0, range) }
        kernels.gradient(rows, Int64(qStride), q, Int64(qStride))
        for point in 0..<points {
          products.product_transposed(
            v + point * vStride, Int64(inputs), Int64(inputs), q + point * qStride, Int64(outputs), Int64(outputs),
            Int64(range.count), gradients + (part * points + point) * plane, Int64(outputs),
            unit != part * units / parts || line > 0)
        }
      }
    }
    run.pool.runBlocks(of: 4096, in: plane) { elements, _ in
      kernels.weight_gradient(
        gradients + elements.lowerBound, Int64(parts), Int64(points * plane), Int64(plane), Int64(elements.count))
    }
    run.unpack(shape, parts: 1, stride: 0, to: weightGradient)
  }
}
