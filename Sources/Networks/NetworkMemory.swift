internal import Foundation
internal import Tensors

/// What a network keeps: the arena of its training plan, and small buffers for the classifier.
final class NetworkMemory<Scalar: NetworkScalar> {
  let input: UnsafeMutablePointer<Scalar>
  /// (N, features), the classifier's input, and its gradient.
  let pooled: UnsafeMutablePointer<Scalar>
  let pooledGradient: UnsafeMutablePointer<Scalar>
  /// (N, classes).
  let logits: UnsafeMutablePointer<Scalar>
  let logitGradient: UnsafeMutablePointer<Scalar>
  let exactLogits: UnsafeMutablePointer<Double>
  let pixelTable: UnsafePointer<Scalar>

  private let buffers: [AlignedBuffer]

  private let plan: TrainingPlan
  private let arena: UnsafeMutablePointer<Scalar>

  init(_ architecture: Architecture, _ plan: TrainingPlan, batch: Int) {
    self.plan = plan
    var buffers: [AlignedBuffer] = []
    func allocate<Element: BitwiseCopyable>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
      let buffer = AlignedBuffer(byteCount: count * MemoryLayout<Element>.stride)
      buffers.append(buffer)
      return buffer.elements(Element.self).baseAddress!
    }
    let classes = batch * architecture.definition.classes
    arena = allocate(plan.memory.count, Scalar.self)
    input = arena + plan.memory.offset(of: plan.input)
    pooled = allocate(batch * architecture.features, Scalar.self)
    pooledGradient = allocate(batch * architecture.features, Scalar.self)
    logits = allocate(classes, Scalar.self)
    logitGradient = allocate(classes, Scalar.self)
    exactLogits = allocate(classes, Double.self)
    let table = ClipNormalization.table(Scalar.self)
    buffers.append(table)
    pixelTable = UnsafePointer(table.elements(Scalar.self).baseAddress!)
    self.buffers = buffers
  }

  /// Where a buffer of the plan lies.
  func pointer(_ slot: MemoryPlan.Slot) -> UnsafeMutablePointer<Scalar> { arena + plan.memory.offset(of: slot) }

  /// Throws if a network of this size would not fit in the machine's memory.
  static func checkSize(
    _ architecture: Architecture, _ plan: TrainingPlan, batch: Int, threads: Int, _ choice: ConvolutionChoice
  ) throws(NetworkError) {
    let bytes =
      plan.memory.count * MemoryLayout<Scalar>.stride
      + Scalar.Convolution.scratchBytes(shapes: architecture.shapes(batch: batch), threads: threads, choice: choice)
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
  /// Every convolution's shape, the classifier's included.
  func shapes(batch: Int) -> [ConvolutionShape] {
    (convolutions.map(\.shape) + [classifier]).map { shape in
      var shape = shape
      shape.batch = batch
      return shape
    }
  }
}
