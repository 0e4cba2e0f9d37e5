internal import Tensors

/// A network for batches of clips of one size: forward, loss and backward, with all the memory they need.
///
/// N clips, T frames, H height, W width, C channels; activations are (N, T, H, W, C). Parameters stay outside, in one flat
/// vector of `layout`. One caller thread at a time; results have the same bits for any number of threads and any run on
/// processors of one kind.
package final class Network<Scalar: NetworkScalar> {
  /// Which statistics normalise: those of the batch, or the running ones.
  package enum Mode: String, Sendable {
    case train, eval
  }

  package let definition: NetworkDefinition
  package let layout: ParameterLayout
  /// The most clips a call may have.
  package let batch: Int

  /// What `train` minimises.
  package let loss: Loss

  let architecture: Architecture
  let pool: WorkerPool
  let blocks: [ResidualBlock<Scalar>]
  let convolution: Scalar.Convolution
  let normalization: BatchNormalization<Scalar>
  let memory: NetworkMemory<Scalar>
  let classifierWeight: ParameterLayout.Segment
  let classifierBias: ParameterLayout.Segment

  /// - Parameters:
  ///   - batch: most clips of a call, at least 1; a call may have fewer.
  ///   - frames, height, width: the size of every clip.
  ///   - threads: threads that share the work of a call, the caller's included.
  ///   - loss: what `train` minimises.
  ///   - precision: `.mixed` for bfloat16 products where they are faster, in a network of float32.
  ///   - winograd: whether Winograd's transforms may be used where they are faster; they round a little more.
  /// - Throws: sizes out of range, or more memory than the machine has.
  package init(
    _ definition: NetworkDefinition, batch: Int, frames: Int, height: Int, width: Int, threads: Int = 1,
    loss: Loss = .softmax(), precision: Precision = .float32, winograd: Bool = true
  ) throws(NetworkError) {
    guard (1...4096).contains(batch), (1...256).contains(threads) else {
      throw NetworkError(
        .invalidInput, "A batch of 1 to 4096 clips on 1 to 256 threads is possible, not \(batch) on \(threads).")
    }
    let choice = try precision.convolutionChoice(winograd: winograd)
    let architecture = try Architecture(definition, frames: frames, height: height, width: width)
    let layout = ParameterLayout(architecture)
    let plan = TrainingPlan(architecture, batch: batch)
    try NetworkMemory<Scalar>.checkSize(architecture, plan, batch: batch, threads: threads, choice)
    self.definition = definition
    self.architecture = architecture
    self.layout = layout
    self.batch = batch
    self.loss = loss
    pool = WorkerPool(threads: threads)
    let memory = NetworkMemory<Scalar>(architecture, plan, batch: batch)
    self.memory = memory
    convolution = Scalar.Convolution(shapes: architecture.shapes(batch: batch), pool: pool, choice: choice)
    normalization = BatchNormalization(
      channelLimit: architecture.convolutions.map(\.shape.outChannels).max()!, epsilon: definition.preset.epsilon,
      pool: pool)
    var segments: [String: ParameterLayout.Segment] = [:]
    for segment in layout.segments { segments[segment.name] = segment }
    func named(_ name: String) -> ParameterLayout.Segment { segments[name]! }
    blocks = zip(architecture.blocks, plan.blocks).map {
      ResidualBlock($0, $1, named: named, pointer: memory.pointer)
    }
    classifierWeight = named("fc.weight")
    classifierBias = named("fc.bias")
  }

  /// Forward and backward with batch statistics.
  ///
  /// - Parameters:
  ///   - parameters: `layout.count` elements.
  ///   - clips: (N, T, H, W, 3), N = `labels.count`, normalised here.
  ///   - labels: of each clip, in 0..<classes, at least one; of clips as many as the batch or fewer. Softmax counts the first.
  ///   - gradient: `layout.count` elements, overwritten: d loss / d parameter of the mean loss; in the places of the running
  ///     statistics the batch mean and the unbiased batch variance.
  ///   - onNeed: called as forward goes on, on the caller's thread, before parameters up to this one are read.
  ///   - onFinal: called as backward goes on, on the caller's thread: the gradient's elements from this one on are final.
  package func train(
    parameters: UnsafeBufferPointer<Scalar>, clips: UnsafePointer<UInt8>, labels: [[Int]],
    gradient: UnsafeMutableBufferPointer<Scalar>, onNeed: (Int) -> Void = { _ in }, onFinal: (Int) -> Void = { _ in }
  ) throws(NetworkError) -> TrainResult {
    try check(parameters: parameters, labels: labels, gradient: gradient)
    load(pixels: clips, count: labels.count)
    return step(parameters.baseAddress!, labels, gradient.baseAddress!, onNeed: onNeed, onFinal: onFinal)
  }

  /// The same for clips that are normalised already, (N, 3, T, H, W); returns the logits (N, classes) too.
  package func train(
    parameters: UnsafeBufferPointer<Scalar>, normalizedClips: UnsafeBufferPointer<Scalar>, labels: [[Int]],
    gradient: UnsafeMutableBufferPointer<Scalar>
  ) throws(NetworkError) -> (result: TrainResult, logits: [Scalar]) {
    try check(parameters: parameters, labels: labels, gradient: gradient)
    try load(normalized: normalizedClips, count: labels.count)
    let result = step(parameters.baseAddress!, labels, gradient.baseAddress!)
    return (result, logits(count: labels.count))
  }

  /// Logits (count, classes) with running statistics, of `clips` (count, T, H, W, 3).
  package func logits(
    parameters: UnsafeBufferPointer<Scalar>, clips: UnsafePointer<UInt8>, count: Int
  ) throws(NetworkError) -> [Scalar] {
    try check(parameters: parameters, count: count)
    load(pixels: clips, count: count)
    forward(parameters.baseAddress!, count: count, mode: .eval, gradient: nil)
    return logits(count: count)
  }

  /// Logits (count, classes) of `normalizedClips` (count, 3, T, H, W).
  package func logits(
    parameters: UnsafeBufferPointer<Scalar>, normalizedClips: UnsafeBufferPointer<Scalar>, count: Int, mode: Mode
  ) throws(NetworkError) -> [Scalar] {
    try check(parameters: parameters, count: count)
    if mode == .train { try architecture.checkStatistics(clips: count) }
    try load(normalized: normalizedClips, count: count)
    forward(parameters.baseAddress!, count: count, mode: mode, gradient: nil)
    return logits(count: count)
  }
}

// MARK: - One label a clip

extension Network {
  /// `train` with one label a clip.
  package func train(
    parameters: UnsafeBufferPointer<Scalar>, clips: UnsafePointer<UInt8>, labels: [Int],
    gradient: UnsafeMutableBufferPointer<Scalar>
  ) throws(NetworkError) -> TrainResult {
    try train(parameters: parameters, clips: clips, labels: labels.map { [$0] }, gradient: gradient)
  }

  /// `train` with one label a clip, for clips that are normalised already.
  package func train(
    parameters: UnsafeBufferPointer<Scalar>, normalizedClips: UnsafeBufferPointer<Scalar>, labels: [Int],
    gradient: UnsafeMutableBufferPointer<Scalar>
  ) throws(NetworkError) -> (result: TrainResult, logits: [Scalar]) {
    try train(
      parameters: parameters, normalizedClips: normalizedClips, labels: labels.map { [$0] }, gradient: gradient)
  }
}

// MARK: - Input

extension Network {
  func check(parameters: UnsafeBufferPointer<Scalar>, count: Int) throws(NetworkError) {
    guard parameters.count == layout.count else {
      throw NetworkError(
        .invalidInput, "\(definition.name) takes a vector of \(layout.count) elements, not \(parameters.count).")
    }
    guard count >= 1, count <= batch else {
      throw NetworkError(.invalidInput, "A batch of \(count) clips does not fit a network made for 1 to \(batch).")
    }
  }

  private func check(
    parameters: UnsafeBufferPointer<Scalar>, labels: [[Int]], gradient: UnsafeMutableBufferPointer<Scalar>
  ) throws(NetworkError) {
    try check(parameters: parameters, count: labels.count)
    guard gradient.count == layout.count else {
      throw NetworkError(
        .invalidInput, "\(definition.name) has a gradient of \(layout.count) elements, not \(gradient.count).")
    }
    guard labels.allSatisfy({ !$0.isEmpty }) else {
      throw NetworkError(.invalidInput, "A clip without a label cannot be trained on.")
    }
    if let label = labels.joined().first(where: { $0 < 0 || $0 >= definition.classes }) {
      throw NetworkError(.invalidInput, "The label \(label) is not in 0..<\(definition.classes).")
    }
    try architecture.checkStatistics(clips: labels.count)
  }

  func load(pixels: UnsafePointer<UInt8>, count: Int) {
    let (table, input) = (memory.pixelTable, memory.input)
    pool.runBlocks(of: 1 << 15, in: count * architecture.input.volume) { range, _ in
      Scalar.pixels(pixels + 3 * range.lowerBound, range.count, table, input + 3 * range.lowerBound)
    }
  }

  private func load(normalized clips: UnsafeBufferPointer<Scalar>, count: Int) throws(NetworkError) {
    let clipCount = 3 * architecture.input.volume
    guard clips.count == count * clipCount else {
      throw NetworkError(
        .invalidInput, "\(count) clips of this network's size have \(count * clipCount) elements, not \(clips.count).")
    }
    let (source, input) = (clips.baseAddress!, memory.input)
    pool.run(count) { clip, _ in
      Scalar.channelsLast(source + clip * clipCount, 3, clipCount / 3, input + clip * clipCount)
    }
  }

  private func logits(count: Int) -> [Scalar] {
    Array(UnsafeBufferPointer(start: memory.logits, count: count * definition.classes))
  }
}
