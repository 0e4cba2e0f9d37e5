internal import CKernels

/// Float32 convolutions on this processor's best instruction set, by the method chosen for each shape and pass.
package final class KernelConvolution: ConvolutionEngine {
  private let pool: WorkerPool
  private let path: KernelPath
  private let choice: ConvolutionChoice
  private let scratch: ConvolutionScratch

  package convenience init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice) {
    self.init(shapes: shapes, pool: pool, choice: choice, path: .current)
  }

  /// - Parameter path: one that the processor has, with bfloat16 products if `choice` uses them.
  package init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice, path: KernelPath) {
    self.pool = pool
    self.choice = choice
    self.path = path
    precondition(!choice.usesBFloat16 || path.hasBFloat16, "\(path) has no bfloat16 kernels")
    scratch = ConvolutionScratch(Self.scratchSizes(shapes, choice, path), workers: pool.workerCount)
  }

  package static func scratchBytes(shapes: [ConvolutionShape], threads: Int, choice: ConvolutionChoice) -> Int {
    scratchSizes(shapes, choice, .current).bytes(workers: max(threads, 1))
  }

  private static func scratchSizes(
    _ shapes: [ConvolutionShape], _ choice: ConvolutionChoice, _ path: KernelPath
  ) -> ConvolutionScratch.Sizes {
    let kernels = path.convolutionKernels
    var sizes = ConvolutionScratch.Sizes()
    for shape in shapes {
      for pass in ConvolutionPass.allCases {
        let method = choice.method(shape, pass, path: path)
        let products = path.products(bfloat16: method.usesBFloat16)
        switch method {
        case .matrix: sizes.join(MatrixConvolution.sizes(shape))
        case .taps(_, let shared):
          sizes.join(TapConvolution.sizes(shape, pass, kernels, products, shared: shared))
        case .unfolded(_, let shared):
          sizes.join(UnfoldedConvolution.sizes(shape, pass, kernels, products, shared: shared))
        case .winogradThroughTime:
          sizes.join(TimeWinogradConvolution(shape, pass, path.timeKernels, products).sizes(kernels))
        case .winograd(let variant, let shared):
          sizes.join(WinogradConvolution(shape, pass, path.winograd(variant), shared: shared).sizes(kernels))
        }
      }
    }
    return sizes
  }

  private func run(_ method: ConvolutionMethod) -> ConvolutionRun {
    ConvolutionRun(
      pool: pool, kernels: path.convolutionKernels, products: path.products(bfloat16: method.usesBFloat16),
      scratch: scratch)
  }

  package func forward(
    _ shape: ConvolutionShape, input: ConvolutionInput<Float>, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, written: RowsWritten?
  ) {
    let method = choice.method(shape, .forward, path: path)
    let run = run(method)
    switch method {
    case .matrix: MatrixConvolution.forward(shape, input, weights, output, run, written)
    case .taps: TapConvolution.forward(shape, input, weights, output, run, written)
    case .unfolded: UnfoldedConvolution.forward(shape, input, weights, output, run, written)
    case .winogradThroughTime:
      TimeWinogradConvolution(shape, .forward, path.timeKernels, run.products)
        .multiply(input, weights, output, run, written)
    case .winograd(let variant, let shared):
      WinogradConvolution(shape, .forward, path.winograd(variant), shared: shared)
        .multiply(input, weights, output, run, written)
    }
  }

  package func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>, written: RowsWritten?
  ) {
    let method = choice.method(shape, .backwardData, path: path)
    let run = run(method)
    switch method {
    case .matrix: MatrixConvolution.backwardData(shape, outputGradient, weights, inputGradient, written)
    case .taps:
      TapConvolution.backwardData(shape, outputGradient, weights, inputGradient, run, written)
    case .unfolded:
      UnfoldedConvolution.backwardData(shape, outputGradient, weights, inputGradient, run, written)
    case .winogradThroughTime:
      TimeWinogradConvolution(shape, .backwardData, path.timeKernels, run.products)
        .multiply(ConvolutionInput(outputGradient), weights, inputGradient, run, written)
    case .winograd(let variant, let shared):
      WinogradConvolution(shape, .backwardData, path.winograd(variant), shared: shared)
        .multiply(ConvolutionInput(outputGradient), weights, inputGradient, run, written)
    }
  }

  package func backwardWeights(
    _ shape: ConvolutionShape, input: ConvolutionInput<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) {
    let method = choice.method(shape, .backwardWeights, path: path)
    let run = run(method)
    switch method {
    case .matrix: MatrixConvolution.backwardWeights(shape, input, outputGradient, weightGradient, run)
    case .taps(_, shared: false):
      TapConvolution.backwardWeights(shape, input, outputGradient, weightGradient, run)
    case .taps(_, shared: true):
      TapConvolution.backwardSharedWeights(shape, input, outputGradient, weightGradient, run)
    case .unfolded(_, shared: false):
      UnfoldedConvolution.backwardWeights(shape, input, outputGradient, weightGradient, run)
    case .unfolded(_, shared: true):
      UnfoldedConvolution.backwardSharedWeights(shape, input, outputGradient, weightGradient, run)
    case .winogradThroughTime:
      TimeWinogradConvolution(shape, .backwardWeights, path.timeKernels, run.products)
        .differentiate(input, outputGradient, weightGradient, run)
    case .winograd(let variant, let shared):
      WinogradConvolution(shape, .backwardWeights, path.winograd(variant), shared: shared)
        .differentiate(input, outputGradient, weightGradient, run)
    }
  }
}

/// What a method works with during one call.
struct ConvolutionRun {
  let pool: WorkerPool
  let kernels: sluice_convolution_kernels
  let products: sluice_products
  let scratch: ConvolutionScratch

  /// Packs the chosen taps of (O, I, taps) weights into panels at the start of the packed area, `offset` further on.
  /// - Parameter count: taps there are, if not the kernel's.
  func pack(
    _ shape: ConvolutionShape, _ weights: UnsafePointer<Float>, of count: Int? = nil, taps: [Int], transposed: Bool,
    offset: Int = 0
  ) {
    let columns = Int64(transposed ? shape.inChannels : shape.outChannels)
    let indices = taps.map(Int64.init)
    let (products, panels) = (products, scratch.packed + offset)
    pool.run(Int(kernels.panel_count(columns))) { panel, _ in
      products.pack_panels(
        weights, Int64(shape.outChannels), Int64(shape.inChannels), Int64(count ?? shape.kernel.volume), indices,
        Int64(indices.count), transposed, Int64(panel), Int64(panel + 1), panels)
    }
  }

  /// Sums `parts` partial gradients (taps, I, O), `stride` elements apart, in order into (O, I, taps).
  func unpack(_ shape: ConvolutionShape, parts: Int, stride: Int, to gradient: UnsafeMutablePointer<Float>) {
    let (inputs, outputs, taps) = (shape.inChannels, shape.outChannels, shape.kernel.volume)
    let partials = scratch.shared
    pool.runBlocks(of: ConvolutionShape.packBlock, in: outputs) { channels, _ in
      sluice_unpack_f32(
        partials + channels.lowerBound, Int64(parts), Int64(stride), Int64(taps), Int64(inputs), Int64(outputs),
        Int64(channels.count), false, gradient + channels.lowerBound * inputs * taps, Int64(inputs * taps))
    }
  }
}

extension sluice_products {
  /// Lanes that hold so many elements.
  func lanes(_ elements: Int) -> Int { (elements + Int(packing) - 1) / Int(packing) }
}

extension sluice_activation {
  static var none: sluice_activation { sluice_activation(scale: nil, offset: nil) }
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
