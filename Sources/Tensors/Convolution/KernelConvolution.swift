internal import CKernels

/// Float32 convolutions on this processor's best instruction set, by the method chosen for each shape and pass.
package final class KernelConvolution: ConvolutionEngine {
  let pool: WorkerPool
  let kernels: sluice_convolution_kernels
  private let bfloat16: sluice_bf16_kernels?
  let choice: ConvolutionChoice
  private let scratch: ConvolutionScratch

  package convenience init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice) {
    self.init(shapes: shapes, pool: pool, choice: choice, path: .current)
  }

  /// - Parameter path: one that the processor has.
  package init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice, path: KernelPath) {
    self.pool = pool
    self.choice = choice
    kernels = path.convolutionKernels
    bfloat16 = path.bfloat16Kernels
    precondition(!choice.usesBFloat16 || bfloat16 != nil, "\(path) has no bfloat16 kernels")
    scratch = ConvolutionScratch(Self.scratchSizes(shapes, choice, kernels), workers: pool.workerCount)
  }

  package static func scratchBytes(shapes: [ConvolutionShape], threads: Int, choice: ConvolutionChoice) -> Int {
    scratchSizes(shapes, choice, KernelPath.current.convolutionKernels).bytes(workers: max(threads, 1))
  }

  private static func scratchSizes(
    _ shapes: [ConvolutionShape], _ choice: ConvolutionChoice, _ kernels: sluice_convolution_kernels
  ) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    for shape in shapes {
      for pass in ConvolutionPass.allCases {
        switch choice.method(shape, pass) {
        case .taps: sizes.join(TapConvolution.sizes(shape, pass, kernels))
        case .tapsInBFloat16: sizes.join(TapConvolution.BFloat16.sizes(shape, pass, kernels))
        case .unfolded: sizes.join(UnfoldedConvolution.sizes(shape, pass, kernels))
        case .winograd(let tile, let shared):
          sizes.join(WinogradConvolution(shape, pass, tile: tile, shared: shared).sizes(kernels))
        }
      }
    }
    return sizes
  }

  package func forward(
    _ shape: ConvolutionShape, input: ConvolutionInput<Float>, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, written: RowsWritten?
  ) {
    let run = ConvolutionRun(pool: pool, kernels: kernels, scratch: scratch)
    switch choice.method(shape, .forward) {
    case .taps: TapConvolution.forward(shape, input, weights, output, run, written)
    case .tapsInBFloat16:
      TapConvolution.BFloat16.forward(shape, input, weights, output, run, bfloat16!, written)
    case .unfolded: UnfoldedConvolution.forward(shape, input, weights, output, run, written)
    case .winograd(let tile, let shared):
      WinogradConvolution(shape, .forward, tile: tile, shared: shared)
        .multiply(input, weights, output, run, written)
    }
  }

  package func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>, written: RowsWritten?
  ) {
    let run = ConvolutionRun(pool: pool, kernels: kernels, scratch: scratch)
    switch choice.method(shape, .backwardData) {
    case .taps: TapConvolution.backwardData(shape, outputGradient, weights, inputGradient, run, written)
    case .tapsInBFloat16:
      TapConvolution.BFloat16.backwardData(shape, outputGradient, weights, inputGradient, run, bfloat16!, written)
    case .unfolded: UnfoldedConvolution.backwardData(shape, outputGradient, weights, inputGradient, run, written)
    case .winograd(let tile, let shared):
      WinogradConvolution(shape, .backwardData, tile: tile, shared: shared)
        .multiply(ConvolutionInput(outputGradient), weights, inputGradient, run, written)
    }
  }

  package func backwardWeights(
    _ shape: ConvolutionShape, input: ConvolutionInput<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let run = ConvolutionRun(pool: pool, kernels: kernels, scratch: scratch)
    switch choice.method(shape, .backwardWeights) {
    case .taps: TapConvolution.backwardWeights(shape, input, outputGradient, weightGradient, run)
    case .tapsInBFloat16:
      TapConvolution.BFloat16.backwardWeights(shape, input, outputGradient, weightGradient, run, bfloat16!)
    case .unfolded: UnfoldedConvolution.backwardWeights(shape, input, outputGradient, weightGradient, run)
    case .winograd(let tile, let shared):
      WinogradConvolution(shape, .backwardWeights, tile: tile, shared: shared)
        .differentiate(input, outputGradient, weightGradient, run)
    }
  }
}

/// What a method works with during one call.
struct ConvolutionRun {
  let pool: WorkerPool
  let kernels: sluice_convolution_kernels
  let scratch: ConvolutionScratch

  /// Packs the chosen taps of (O, I, taps) weights into panels at the start of the packed area, `offset` further on.
  func pack(
    _ shape: ConvolutionShape, _ weights: UnsafePointer<Float>, taps: [Int], transposed: Bool, offset: Int = 0
  ) {
    let columns = Int64(transposed ? shape.inChannels : shape.outChannels)
    let indices = taps.map(Int64.init)
    let (kernels, panels) = (kernels, scratch.packed + offset)
    pool.run(Int(kernels.panel_count(columns))) { panel, _ in
      kernels.pack_panels(
        weights, Int64(shape.outChannels), Int64(shape.inChannels), Int64(shape.kernel.volume), indices,
        Int64(indices.count), transposed, Int64(panel), Int64(panel + 1), panels)
    }
  }

  /// Sums `parts` partial gradients (taps, I, O), `stride` elements apart, in order into (O, I, taps).
  func unpack(_ shape: ConvolutionShape, parts: Int, stride: Int, to gradient: UnsafeMutablePointer<Float>) {
    let geometry = shape.geometry
    let partials = scratch.shared
    pool.runBlocks(of: ConvolutionShape.packBlock, in: shape.outChannels) { channels, _ in
      withUnsafePointer(to: geometry) {
        sluice_unpack_f32(
          partials, Int64(parts), Int64(stride), $0, Int64(channels.lowerBound), Int64(channels.upperBound), gradient)
      }
    }
  }
}

/// Scratch memory of an engine: as much as its most demanding call takes.
final class ConvolutionScratch {
  /// Elements of each area.
  struct Sizes {
    /// Packed weights.
    var packed = 0
    /// Partial gradients, or tiles that all threads work on.
    var shared = 0
    /// Each worker's own.
    var worker = 0

    mutating func join(_ other: Sizes) {
      packed = max(packed, other.packed)
      shared = max(shared, other.shared)
      worker = max(worker, other.worker)
    }

    fileprivate var alignedWorker: Int { (worker + 1023) / 1024 * 1024 + 16 }
    fileprivate var alignedPacked: Int { (packed + 15) / 16 * 16 }
    fileprivate var alignedShared: Int { (shared + 15) / 16 * 16 }

    func bytes(workers: Int) -> Int {
      (alignedPacked + alignedShared + alignedWorker * workers) * MemoryLayout<Float>.stride
    }
  }

  let packed: UnsafeMutablePointer<Float>
  let shared: UnsafeMutablePointer<Float>
  private let workers: UnsafeMutablePointer<Float>
  private let workerStride: Int
  private let storage: AlignedBuffer

  init(_ sizes: Sizes, workers count: Int) {
    storage = AlignedBuffer(byteCount: sizes.bytes(workers: count))
    packed = storage.elements(Float.self).baseAddress!
    shared = packed + sizes.alignedPacked
    workers = shared + sizes.alignedShared
    workerStride = sizes.alignedWorker
  }

  /// The area of one worker.
  func area(_ worker: Int) -> UnsafeMutablePointer<Float> { workers + worker * workerStride }
}

extension ConvolutionInput<Float> {
  /// The activation as the kernels take it.
  var activation: sluice_activation { sluice_activation(scale: scale, offset: offset) }
}
