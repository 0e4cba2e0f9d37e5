internal import CKernels

/// The float64 reference: scalar loops in a fixed order, by which faster kernels are judged. Inputs are activated in
/// scratch memory first, and `written` is called at the end.
package final class ReferenceConvolution: ConvolutionEngine {
  private let pool: WorkerPool
  private let packed: UnsafeMutablePointer<Double>
  private let activated: UnsafeMutablePointer<Double>
  private let storage: AlignedBuffer

  package init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice) {
    self.pool = pool
    storage = AlignedBuffer(byteCount: Self.scratchBytes(shapes: shapes, threads: pool.workerCount, choice: choice))
    packed = storage.elements(Double.self).baseAddress!
    activated = packed + Self.weightElements(shapes)
  }

  package static func scratchBytes(shapes: [ConvolutionShape], threads: Int, choice: ConvolutionChoice) -> Int {
    (weightElements(shapes) + (shapes.map(\.inputCount).max() ?? 0)) * MemoryLayout<Double>.stride
  }

  private static func weightElements(_ shapes: [ConvolutionShape]) -> Int {
    max(shapes.map(\.weightCount).max() ?? 0, 1)
  }

  /// The input as the loops take it.
  private func load(_ shape: ConvolutionShape, _ input: ConvolutionInput<Double>) -> UnsafePointer<Double> {
    guard let scale = input.scale, let offset = input.offset else { return input.elements }
    let channels = shape.inChannels
    pool.runBlocks(of: 256, in: shape.inputCount / channels) { rows, _ in
      let start = rows.lowerBound * channels
      Double.normalize(input.elements + start, rows.count, channels, scale, offset, true, activated + start)
    }
    return UnsafePointer(activated)
  }

  private func tell(_ written: RowsWritten?, rows: Int) {
    guard let written else { return }
    let parts = min(ConvolutionParts.limit, rows)
    pool.run(parts) { part, _ in written(part * rows / parts..<(part + 1) * rows / parts, part) }
  }

  package func forward(
    _ shape: ConvolutionShape, input: ConvolutionInput<Double>, weights: UnsafePointer<Double>,
    output: UnsafeMutablePointer<Double>, written: RowsWritten?
  ) {
    let elements = load(shape, input)
    let geometry = shape.geometry
    let packed = packed
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_pack_f64(weights, $0, Int64(channels.lowerBound), Int64(channels.upperBound), packed)
      }
    }
    pool.run(shape.batch * shape.output.frames * shape.output.height) { line, _ in
      withUnsafePointer(to: geometry) { sluice_convolve_line_f64(elements, packed, $0, Int64(line), output) }
    }
    tell(written, rows: shape.batch * shape.outputRows)
  }

  package func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Double>, weights: UnsafePointer<Double>,
    inputGradient: UnsafeMutablePointer<Double>, written: RowsWritten?
  ) {
    let geometry = shape.geometry
    let packed = packed
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_pack_reversed_f64(weights, $0, Int64(channels.lowerBound), Int64(channels.upperBound), packed)
      }
    }
    pool.run(shape.batch * shape.input.frames * shape.input.height) { line, _ in
      withUnsafePointer(to: geometry) {
        sluice_convolve_line_backward_f64(outputGradient, packed, $0, Int64(line), inputGradient)
      }
    }
    tell(written, rows: shape.batch * shape.input.volume)
  }

  package func backwardWeights(
    _ shape: ConvolutionShape, input: ConvolutionInput<Double>, outputGradient: UnsafePointer<Double>,
    weightGradient: UnsafeMutablePointer<Double>
  ) {
    let elements = load(shape, input)
    let geometry = shape.geometry
    let packed = packed
    let tapCount = shape.inChannels * shape.outChannels
    pool.run(shape.kernel.volume) { tap, _ in
      withUnsafePointer(to: geometry) {
        sluice_convolve_tap_gradient_f64(elements, outputGradient, $0, Int64(tap), packed + tap * tapCount)
      }
    }
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      sluice_unpack_f64(
        packed + channels.lowerBound, 1, 0, Int64(shape.kernel.volume), Int64(shape.inChannels),
        Int64(shape.outChannels), Int64(channels.count), false,
        weightGradient + channels.lowerBound * shape.inChannels * shape.kernel.volume,
        Int64(shape.inChannels * shape.kernel.volume))
    }
  }
}

extension WorkerPool {
  /// Runs `body` over 0..<total cut into ranges of `size`, the last one shorter.
  package func runBlocks(of size: Int, in total: Int, _ body: (_ range: Range<Int>, _ worker: Int) -> Void) {
    run((total + size - 1) / size) { block, worker in
      body(block * size..<min(total, (block + 1) * size), worker)
    }
  }
}
