internal import CKernels

/// Convolutions whose kernel is 1x1 in space: sums over taps of products of runs of positions, without unfolding.
///
/// With bfloat16 products rows are rounded while they are loaded, and sums are float32.
enum TapConvolution {
  /// The map that is read, or the one that is written.
  private struct Side {
    let frames: Int
    let channels: Int

    static func input(_ shape: ConvolutionShape) -> Side {
      Side(frames: shape.input.frames, channels: shape.inChannels)
    }

    static func output(_ shape: ConvolutionShape) -> Side {
      Side(frames: shape.output.frames, channels: shape.outChannels)
    }
  }

  private static func chunks(_ shape: ConvolutionShape, reading from: Side) -> PositionChunks {
    PositionChunks(shape, length: from.frames * from.channels)
  }

  private static let gradientElements = 1 << 23

  /// Parts in which weight gradients are summed.
  private static func gradientParts(_ shape: ConvolutionShape) -> Int {
    min(16, max(4, gradientElements / shape.weightCount))
  }

  static func sizes(
    _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_convolution_kernels,
    _ products: sluice_products, shared: Bool
  ) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    if shared {
      sizes.shared = sharedClips(shape, products) * clipLanes(shape, products)
      sizes.worker = SharedWeightGradient.workerSize(shape)
      return sizes
    }
    let (input, output) = (Side.input(shape), Side.output(shape))
    let (from, to) = pass == .backwardData ? (output, input) : (input, output)
    // A smaller batch has smaller chunks or the same.
    let chunk = chunks(shape, reading: from).size
    guard pass == .backwardWeights else {
      let depth = shape.kernel.frames * products.lanes(from.channels)
      sizes.packed = Int(kernels.panel_elements(Int64(depth), Int64(to.channels)))
      sizes.worker = chunk * from.frames * products.lanes(from.channels)
      return sizes
    }
    sizes.shared = gradientParts(shape) * shape.weightCount
    sizes.worker = products.lanes(chunk) * (from.frames * from.channels + to.frames * to.channels)
    return sizes
  }

  static func forward(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    multiply(shape, from: .input(shape), to: .output(shape), transposed: false, input, weights, output, run, written) {
      shape.inputFrame($0, $1)
    }
  }

  static func backwardData(
    _ shape: ConvolutionShape, _ outputGradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
    _ inputGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    multiply(
      shape, from: .output(shape), to: .input(shape), transposed: true, ConvolutionInput(outputGradient), weights,
      inputGradient, run, written
    ) { shape.outputFrame($0, $1) }
  }

  /// - Parameter frame: which frame of `from` a tap of a frame of `to` reads.
  private static func multiply(
    _ shape: ConvolutionShape, from: Side, to: Side, transposed: Bool, _ input: ConvolutionInput<Float>,
    _ weights: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, _ run: ConvolutionRun,
    _ written: RowsWritten?, frame: (_ frame: Int, _ tap: Int) -> Int?
  ) {
    let taps = shape.kernel.frames
    run.pack(shape, weights, taps: Array(0..<taps), transposed: transposed)
    let chunks = chunks(shape, reading: from)
    let positions = shape.input.height * shape.input.width
    run.pool.runParts(shape.batch * chunks.count) { unit, part, worker in
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunks.positions(chunk, of: positions)
      let loaded = load(
        input, from, clip: clip, range, of: positions, stacked: false, run, to: run.scratch.area(worker))
      withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: taps) { pointers in
        for target in 0..<to.frames {
          for tap in 0..<taps { pointers[tap] = frame(target, tap).map { loaded.base + $0 * loaded.stride } }
          let row = (clip * to.frames + target) * positions + range.lowerBound
          run.products.product(
            pointers.baseAddress!, Int64(taps), Int64(range.count), Int64(run.products.lanes(from.channels)),
            run.scratch.packed, Int64(to.channels), result + row * to.channels, Int64(to.channels))
          written?(row..<row + range.count, part)
        }
      }
    }
  }

  static func backwardWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let (from, to) = (Side.input(shape), Side.output(shape))
    let chunks = chunks(shape, reading: from)
    let positions = shape.input.height * shape.input.width
    let (inputs, outputs) = (shape.inChannels, shape.outChannels)
    let units = shape.batch * chunks.count
    let parts = min(gradientParts(shape), units)
    run.pool.runParts(units, limit: parts) { unit, part, worker in
      let gradient = run.scratch.shared + part * shape.weightCount
      if unit == part * units / parts { gradient.update(repeating: 0, count: shape.weightCount) }
      let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
      let range = chunks.positions(chunk, of: positions)
      let rows = run.products.lanes(range.count)
      let area = run.scratch.area(worker)
      let x = load(input, from, clip: clip, range, of: positions, stacked: true, run, to: area)
      let y = load(
        ConvolutionInput(outputGradient), to, clip: clip, range, of: positions, stacked: true, run,
        to: area + rows * from.frames * inputs)
      for frame in 0..<to.frames {
        for tap in 0..<shape.kernel.frames {
          guard let source = shape.inputFrame(frame, tap) else { continue }
          run.products.product_transposed(
            x.base + source * x.stride, Int64(inputs), Int64(inputs), y.base + frame * y.stride, Int64(outputs),
            Int64(outputs), Int64(rows), gradient + tap * inputs * outputs, Int64(outputs), true)
        }
      }
    }
    run.unpack(shape, parts: parts, stride: shape.weightCount, to: weightGradient)
  }

  // MARK: Backward-weights by blocks

  /// Lanes of a clip's stacked rows.
  private static func clipLanes(_ shape: ConvolutionShape, _ products: sluice_products) -> Int {
    let rows = products.lanes(shape.input.height * shape.input.width)
    return rows * (shape.input.frames * shape.inChannels + shape.output.frames * shape.outChannels)
  }

  private static func sharedClips(_ shape: ConvolutionShape, _ products: sluice_products) -> Int {
    SharedWeightGradient.pieces(of: shape.batch, lanes: clipLanes(shape, products))
  }

  static func backwardSharedWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let (from, to) = (Side.input(shape), Side.output(shape))
    let rows = run.products.lanes(shape.input.height * shape.input.width)
    let together = sharedClips(shape, run.products)
    for first in stride(from: 0, to: shape.batch, by: together) {
      let clips = first..<min(shape.batch, first + together)
      let x = loadShared(shape, input, from, clips, run, to: run.scratch.shared)
      let y = loadShared(
        shape, ConvolutionInput(outputGradient), to, clips, run,
        to: run.scratch.shared + clips.count * from.frames * rows * from.channels)
      SharedWeightGradient(shape: shape, run: run).add(
        x: x, xStride: from.channels, tapStride: 0, y: y,
        segments: (0..<shape.kernel.frames).map { segments(shape, tap: $0, clips: clips.count, rows: rows) },
        accumulate: first > 0, to: weightGradient)
    }
  }

  /// Frames of dy with the frame of x that a tap reads for them; neighbours are one segment.
  private static func segments(
    _ shape: ConvolutionShape, tap: Int, clips: Int, rows: Int
  ) -> [SharedWeightGradient.Segment] {
    var segments: [SharedWeightGradient.Segment] = []
    for clip in 0..<clips {
      for frame in 0..<shape.output.frames {
        guard let source = shape.inputFrame(frame, tap) else { continue }
        let x = (clip * shape.input.frames + source) * rows
        let y = (clip * shape.output.frames + frame) * rows
        if let last = segments.last, last.x + last.rows == x, last.y + last.rows == y {
          segments[segments.count - 1].rows += rows
        } else {
          segments.append(SharedWeightGradient.Segment(x: x, y: y, rows: rows))
        }
      }
    }
    return segments
  }

  /// All stacked rows of some clips: where they lie if they can be read there, or loaded into `area`.
  private static func loadShared(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ side: Side, _ clips: Range<Int>,
    _ run: ConvolutionRun, to area: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    let positions = shape.input.height * shape.input.width
    let first = clips.lowerBound * side.frames
    let products = run.products
    guard products.packing > 1 || input.scale != nil else {
      return input.elements + first * positions * side.channels
    }
    run.pool.run(clips.count * side.frames) { frame, _ in
      products.stacked_rows(
        input.elements + (first + frame) * positions * side.channels, Int64(positions), Int64(side.channels),
        input.activation, area + frame * products.lanes(positions) * side.channels)
    }
    return UnsafePointer(area)
  }

  /// The positions `range` of all frames of a clip: where they lie if they can be read there, or loaded into `area`.
  private static func load(
    _ input: ConvolutionInput<Float>, _ side: Side, clip: Int, _ range: Range<Int>, of positions: Int, stacked: Bool,
    _ run: ConvolutionRun, to area: UnsafeMutablePointer<Float>
  ) -> (base: UnsafePointer<Float>, stride: Int) {
    let frameStride = positions * side.channels
    let base = input.elements + clip * side.frames * frameStride + range.lowerBound * side.channels
    let products = run.products
    guard products.packing > 1 || input.scale != nil else { return (base, frameStride) }
    let stride =
      stacked ? products.lanes(range.count) * side.channels : range.count * products.lanes(side.channels)
    let load = stacked ? products.stacked_rows : products.rows
    for frame in 0..<side.frames {
      load(
        base + frame * frameStride, Int64(range.count), Int64(side.channels), input.activation, area + frame * stride)
    }
    return (UnsafePointer(area), stride)
  }
}

/// Positions of every frame of a clip that are worked on together, and their number of chunks.
struct PositionChunks {
  let size: Int
  let count: Int

  /// - Parameter length: elements at one position that the cache is to hold.
  init(_ shape: ConvolutionShape, length: Int) {
    let positions = shape.input.height * shape.input.width
    let byCache = max(24, (1 << 17) / max(length, 1) / 24 * 24)
    let byShare = max(24, (positions * shape.batch + 15) / 16)
    let chunks = (positions + min(byCache, byShare) - 1) / min(byCache, byShare)
    size = (positions + chunks - 1) / chunks
    count = (positions + size - 1) / size
  }

  func positions(_ index: Int, of all: Int) -> Range<Int> { index * size..<min(all, (index + 1) * size) }
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
