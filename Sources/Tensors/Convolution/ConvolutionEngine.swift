/// What a convolution reads: rows of channels, perhaps normalised and rectified while they are loaded.
package struct ConvolutionInput<Scalar> {
  /// (N, T, H, W, C).
  package let elements: UnsafePointer<Scalar>
  /// With these, every element counts as max(x · scale[c] + offset[c], 0).
  package let scale: UnsafePointer<Scalar>?
  package let offset: UnsafePointer<Scalar>?

  /// `elements` as they are.
  package init(_ elements: UnsafePointer<Scalar>) {
    self.elements = elements
    scale = nil
    offset = nil
  }

  /// `products`, normalised by `scale` and `offset` of every channel, and rectified.
  package init(normalizing products: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>, offset: UnsafePointer<Scalar>)
  {
    elements = products
    self.scale = scale
    self.offset = offset
  }
}

/// Called for rows of a result that were just written and are still in the cache. `part` is below
/// `ConvolutionParts.limit`; rows of one part come in order, from one thread at a time, the same for any number of threads.
package typealias RowsWritten = (_ rows: Range<Int>, _ part: Int) -> Void

/// How a convolution's work is shared out: by its shape alone, so that results do not depend on threads.
package enum ConvolutionParts {
  /// The most parts a result is written in.
  package static let limit = 64
}

/// The narrow interface behind which convolution kernels live: forward, backward-data, backward-weights.
///
/// Activations are (N, T, H, W, C), weights and their gradients (O, I, kT, kH, kW). Results have the same bits for any
/// number of threads of the pool. An engine owns its scratch memory, made for the shapes given at `init` (and any
/// smaller batch of them): one caller at a time, no allocation per call.
package protocol ConvolutionEngine<Scalar>: AnyObject {
  associatedtype Scalar

  /// - Parameter choice: which methods compute which passes, where there is a choice.
  init(shapes: [ConvolutionShape], pool: WorkerPool, choice: ConvolutionChoice)

  /// y = x * weights; `output` is overwritten.
  func forward(
    _ shape: ConvolutionShape, input: ConvolutionInput<Scalar>, weights: UnsafePointer<Scalar>,
    output: UnsafeMutablePointer<Scalar>, written: RowsWritten?)

  /// dx from dy; `inputGradient` is overwritten.
  func backwardData(
    _ shape: ConvolutionShape, outputGradient: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>,
    inputGradient: UnsafeMutablePointer<Scalar>, written: RowsWritten?)

  /// dw from x and dy; `weightGradient` is overwritten.
  func backwardWeights(
    _ shape: ConvolutionShape, input: ConvolutionInput<Scalar>, outputGradient: UnsafePointer<Scalar>,
    weightGradient: UnsafeMutablePointer<Scalar>)

  /// Bytes of scratch memory an engine for these shapes and this many threads takes.
  static func scratchBytes(shapes: [ConvolutionShape], threads: Int, choice: ConvolutionChoice) -> Int
}

extension WorkerPool {
  /// Runs `body` for units 0..<count in order within each part; parts are shared out.
  package func runParts(
    _ count: Int, limit: Int = ConvolutionParts.limit, _ body: (_ unit: Int, _ part: Int, _ worker: Int) -> Void
  ) {
    let parts = min(limit, count)
    run(parts) { part, worker in
      for unit in part * count / parts..<(part + 1) * count / parts { body(unit, part, worker) }
    }
  }
}
