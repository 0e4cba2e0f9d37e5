internal import Foundation
internal import Tensors

/// What a network keeps beside its layers' activations: input, pooled features, logits and three gradient buffers.
final class NetworkMemory<Scalar: NetworkScalar> {
  let input: UnsafeMutablePointer<Scalar>
  /// (N, features), the classifier's input, and its gradient.
  let pooled: UnsafeMutablePointer<Scalar>
  let pooledGradient: UnsafeMutablePointer<Scalar>
  /// (N, classes).
  let logits: UnsafeMutablePointer<Scalar>
  let logitGradient: UnsafeMutablePointer<Scalar>
  let exactLogits: UnsafeMutablePointer<Double>
  /// Each as large as the largest activation; backward goes round them.
  let gradients: [UnsafeMutablePointer<Scalar>]
  let pixelTable: UnsafePointer<Scalar>

  private let buffers: [AlignedBuffer]

  init(_ architecture: Architecture, batch: Int) {
    var buffers: [AlignedBuffer] = []
    func allocate<Element: BitwiseCopyable>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
      let buffer = AlignedBuffer(byteCount: count * MemoryLayout<Element>.stride)
      buffers.append(buffer)
      return buffer.elements(Element.self).baseAddress!
    }
    let classes = batch * architecture.definition.classes
    input = allocate(batch * architecture.input.volume * 3, Scalar.self)
    pooled = allocate(batch * architecture.features, Scalar.self)
    pooledGradient = allocate(batch * architecture.features, Scalar.self)
    logits = allocate(classes, Scalar.self)
    logitGradient = allocate(classes, Scalar.self)
    exactLogits = allocate(classes, Double.self)
    let largest = batch * architecture.largestActivation
    gradients = (0..<3).map { _ in allocate(largest, Scalar.self) }
    let table = ClipNormalization.table(Scalar.self)
    buffers.append(table)
    pixelTable = UnsafePointer(table.elements(Scalar.self).baseAddress!)
    self.buffers = buffers
  }

  /// Throws if a network of this size would not fit in the machine's memory.
  static func checkSize(_ architecture: Architecture, batch: Int, threads: Int) throws(NetworkError) {
    let activations = architecture.blocks.reduce(0) { total, block in
      total + block.units.reduce(0) { $0 + $1.shape.outputCount } + block.units.last!.shape.outputCount
        + (block.shortcut?.shape.outputCount ?? 0)
    }
    let perClip = activations + 3 * architecture.largestActivation + 3 * architecture.input.volume
    let bytes =
      perClip * batch * MemoryLayout<Scalar>.stride
      + Scalar.Convolution.scratchBytes(shapes: architecture.shapes(batch: batch), threads: threads)
    let available = Int(ProcessInfo.processInfo.physicalMemory)
    guard bytes <= available else {
      throw NetworkError(
        .outOfMemory,
        """
        \(architecture.definition.name) with a batch of \(batch) such clips takes \(bytes >> 20) MiB, and this machine \
        has \(available >> 20): use a smaller batch, shorter clips or a smaller width.
        """)
    }
  }
}

extension Architecture {
  /// Elements of the largest activation of one clip.
  var largestActivation: Int { convolutions.map(\.shape.outputCount).max()! }

  /// Every convolution's shape, the classifier's included.
  func shapes(batch: Int) -> [ConvolutionShape] {
    (convolutions.map(\.shape) + [classifier]).map { shape in
      var shape = shape
      shape.batch = batch
      return shape
    }
  }
}
