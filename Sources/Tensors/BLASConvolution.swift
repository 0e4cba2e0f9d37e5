internal import CKernels

/// Float32 convolutions by matrix products of OpenBLAS.
///
/// Kernels that only reach through time, and 1x1x1 ones, need no unfolding in channels-last layout: each tap is one
/// product of whole runs of frames. All others unfold blocks of output rows (im2col) and multiply.
/// M rows of output positions, K = taps · input channels, O output channels.
package final class BLASConvolution: ConvolutionEngine {
  private let pool: WorkerPool
  private let storage: AlignedBuffer
  /// Weights (K, O), or reversed (taps · O, I).
  private let packed: UnsafeMutablePointer<Float>
  /// Partial weight gradients, `gradientParts` of (K, O).
  private let partials: UnsafeMutablePointer<Float>
  /// One block of unfolded rows for each worker.
  private let columns: UnsafeMutablePointer<Float>
  private let columnsPerWorker: Int

  /// Weight gradients are summed in this many parts, whatever the number of threads, and the parts in order.
  static let gradientParts = 4

  package init(shapes: [ConvolutionShape], pool: WorkerPool) {
    BLAS.prepare()
    self.pool = pool
    let sizes = ScratchSizes(shapes)
    storage = AlignedBuffer(byteCount: sizes.bytes(threads: pool.workerCount))
    packed = storage.elements(Float.self).baseAddress!
    partials = packed + sizes.weights
    columns = partials + sizes.weights * Self.gradientParts
    columnsPerWorker = sizes.columns
  }

  package static func scratchBytes(shapes: [ConvolutionShape], threads: Int) -> Int {
    ScratchSizes(shapes).bytes(threads: threads)
  }

  package func forward(
    _ shape: ConvolutionShape, input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>
  ) {
    pack(shape, weights)
    multiply(shape, input: input, output: output)
  }

  package func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>
  ) {
    if shape.isUnitStride {
      packReversed(shape, weights)
      multiply(shape.transposed, input: outputGradient, output: inputGradient)
    } else {
      pack(shape, weights)
      scatter(shape, outputGradient: outputGradient, inputGradient: inputGradient)
    }
  }

  package func backwardWeights(
    _ shape: ConvolutionShape, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let units = WorkUnits(shape)
    let parts = min(Self.gradientParts, units.count)
    let partials = partials
    let weightCount = shape.weightCount
    pool.run(parts) { part, worker in
      let gradient = partials + part * weightCount
      var first = true
      for unit in part * units.count / parts..<(part + 1) * units.count / parts {
        if units.isDirect {
          self.addDirectGradient(
            shape, units.frames(unit), input: input, outputGradient: outputGradient, first: first, gradient)
        } else {
          let rows = units.rows(unit)
          let block = self.unfold(shape, input, rows, worker)
          let depth = shape.kernel.volume * shape.inChannels
          BLAS.product(
            rows: depth, columns: shape.outChannels, inner: rows.count, block, lda: depth, transposeA: true,
            outputGradient + rows.lowerBound * shape.outChannels, ldb: shape.outChannels, beta: first ? 0 : 1,
            gradient, ldc: shape.outChannels)
        }
        first = false
      }
    }
    let geometry = shape.geometry
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_unpack_f32(
          partials, Int64(parts), Int64(weightCount), $0, Int64(channels.lowerBound), Int64(channels.upperBound),
          weightGradient)
      }
    }
  }
}

// MARK: - Products

extension BLASConvolution {
  private func pack(_ shape: ConvolutionShape, _ weights: UnsafePointer<Float>) {
    let geometry = shape.geometry
    let packed = packed
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_pack_f32(weights, $0, Int64(channels.lowerBound), Int64(channels.upperBound), packed)
      }
    }
  }

  private func packReversed(_ shape: ConvolutionShape, _ weights: UnsafePointer<Float>) {
    let geometry = shape.geometry
    let packed = packed
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_pack_reversed_f32(weights, $0, Int64(channels.lowerBound), Int64(channels.upperBound), packed)
      }
    }
  }

  /// output = input * packed weights.
  private func multiply(
    _ shape: ConvolutionShape, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>
  ) {
    let units = WorkUnits(shape)
    let packed = packed
    pool.run(units.count) { unit, worker in
      if units.isDirect {
        self.multiplyDirect(shape, units.frames(unit), input: input, output: output)
      } else {
        let rows = units.rows(unit)
        let block = self.unfold(shape, input, rows, worker)
        let depth = shape.kernel.volume * shape.inChannels
        BLAS.product(
          rows: rows.count, columns: shape.outChannels, inner: depth, block, lda: depth, packed,
          ldb: shape.outChannels, beta: 0, output + rows.lowerBound * shape.outChannels, ldc: shape.outChannels)
      }
    }
  }

  /// Output positions `rows` of x unfolded into this worker's block, (rows, K).
  private func unfold(
    _ shape: ConvolutionShape, _ input: UnsafePointer<Float>, _ rows: Range<Int>, _ worker: Int
  ) -> UnsafeMutablePointer<Float> {
    let block = columns + worker * columnsPerWorker
    withUnsafePointer(to: shape.geometry) {
      sluice_columns_f32(input, $0, Int64(rows.lowerBound), Int64(rows.upperBound), block)
    }
    return block
  }

  /// Some output frames of one clip: a sum over taps of products of whole runs of frames.
  private func multiplyDirect(
    _ shape: ConvolutionShape, _ frames: FrameRange, input: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>
  ) {
    for (order, run) in frames.runs(shape).enumerated() {
      BLAS.product(
        rows: run.rowCount, columns: shape.outChannels, inner: shape.inChannels,
        input + run.inputRow * shape.inChannels, lda: shape.inChannels,
        packed + run.tap * shape.inChannels * shape.outChannels, ldb: shape.outChannels,
        beta: order < frames.overwriting(shape) ? 0 : 1, output + run.outputRow * shape.outChannels,
        ldc: shape.outChannels)
    }
  }

  private func addDirectGradient(
    _ shape: ConvolutionShape, _ frames: FrameRange, input: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, first: Bool, _ gradient: UnsafeMutablePointer<Float>
  ) {
    if first { gradient.update(repeating: 0, count: shape.weightCount) }
    for run in frames.runs(shape) {
      BLAS.product(
        rows: shape.inChannels, columns: shape.outChannels, inner: run.rowCount,
        input + run.inputRow * shape.inChannels, lda: shape.inChannels, transposeA: true,
        outputGradient + run.outputRow * shape.outChannels, ldb: shape.outChannels, beta: 1,
        gradient + run.tap * shape.inChannels * shape.outChannels, ldc: shape.outChannels)
    }
  }

  /// dx by the transpose of unfolding, for strided convolutions: each task owns whole frames or clips of dx.
  private func scatter(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>
  ) {
    let depth = shape.kernel.volume * shape.inChannels
    // Without reach or stride in time, frames are independent; otherwise clips are.
    let framesApart = shape.kernel.frames == 1 && shape.stride.frames == 1
    let owners = framesApart ? shape.batch * shape.input.frames : shape.batch
    let inputShare = shape.inputCount / owners
    let rowShare = shape.batch * shape.outputRows / owners
    let blockRows = WorkUnits.blockRows(shape)
    let packed = packed
    pool.run(owners) { owner, worker in
      (inputGradient + owner * inputShare).update(repeating: 0, count: inputShare)
      let block = self.columns + worker * self.columnsPerWorker
      for start in stride(from: owner * rowShare, to: (owner + 1) * rowShare, by: blockRows) {
        let end = min(start + blockRows, (owner + 1) * rowShare)
        BLAS.product(
          rows: end - start, columns: depth, inner: shape.outChannels,
          outputGradient + start * shape.outChannels, lda: shape.outChannels, packed, ldb: shape.outChannels,
          transposeB: true, beta: 0, block, ldc: depth)
        withUnsafePointer(to: shape.geometry) {
          sluice_columns_add_f32(block, $0, Int64(start), Int64(end), inputGradient)
        }
      }
    }
  }
}

/// Elements of scratch memory that serve every shape of a network.
private struct ScratchSizes {
  let weights: Int
  let columns: Int

  init(_ shapes: [ConvolutionShape]) {
    // Rounded up to whole cache lines, so that every part stays aligned.
    func rounded(_ count: Int) -> Int { (max(count, 1) + 15) / 16 * 16 }
    weights = rounded(shapes.map(\.weightCount).max() ?? 0)
    columns = rounded(
      shapes.flatMap { $0.isUnitStride ? [$0, $0.transposed] : [$0] }
        .map { WorkUnits.blockRows($0) * $0.kernel.volume * $0.inChannels }.max() ?? 0)
  }

  func bytes(threads: Int) -> Int {
    (weights * (1 + BLASConvolution.gradientParts) + columns * max(threads, 1)) * MemoryLayout<Float>.stride
  }
}
