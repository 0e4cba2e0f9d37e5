import Networks
import Testing

/// N clips, T frames, H height, W width.
@Suite("Local SGD")
struct LocalStepsTests {
  private static let (replicas, count, batch, frames, size) = (2, 3, 2, 4, 16)
  private let network: any ClipNetwork
  private let start: [Float]

  init() throws {
    let definition = try NetworkDefinition(name: "r2plus1d-10", classes: 3, width: 0.125)
    network = try definition.network(
      batch: Self.batch, frames: Self.frames, height: Self.size, width: Self.size, threads: 1, precision: .float32,
      winograd: true)
    let layout = network.layout
    var vector = [Float](repeating: 0, count: layout.count)
    vector.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: 5, into: $0) }
    start = vector
  }

  private var layout: ParameterLayout { network.layout }

  /// All clips of a replica's round (H · N, T, H, W, 3), and their labels.
  private func round(_ replica: Int) -> (clips: [UInt8], labels: [[Int]]) {
    let noise = CounterGenerator(seed: UInt64(replica), name: "clips")
    let clips = Self.count * Self.batch
    let values = clips * Self.frames * Self.size * Self.size * 3
    return ((0..<values).map { UInt8(truncatingIfNeeded: noise.bits(UInt64($0))) }, (0..<clips).map { [$0 % 3] })
  }

  private func sgd(
    _ parameters: inout [Float], _ momentum: inout [Float], _ sum: [Float], _ scale: Float, _ options: SGDOptions
  ) {
    parameters.withUnsafeMutableBufferPointer { parameters in
      momentum.withUnsafeMutableBufferPointer { momentum in
        sum.withUnsafeBufferPointer {
          SGD.update(
            layout: layout, offset: 0, parameters: parameters, momentum: momentum, sum: $0, scale: scale,
            options: options)
        }
      }
    }
  }

  /// Where a replica ends that takes its steps one by one.
  private func alone(_ replica: Int, _ options: SGDOptions) throws -> (parameters: [Float], loss: Double) {
    let (clips, labels) = round(replica)
    var (parameters, momentum, gradient) = (start, [Float](repeating: 0, count: start.count), start)
    var loss = 0.0
    let stepBytes = clips.count / Self.count
    for step in 0..<Self.count {
      let result = try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeBufferPointer { parameters in
          try clips.withUnsafeBufferPointer {
            try network.train(
              parameters: parameters, clips: $0.baseAddress! + step * stepBytes,
              labels: Array(labels[(step * Self.batch)..<((step + 1) * Self.batch)]), gradient: gradient,
              onNeed: { _ in }, onFinal: { _ in })
          }
        }
      }
      loss += result.loss
      sgd(&parameters, &momentum, gradient, 1, options)
    }
    return (parameters, loss / Double(Self.count))
  }

  private func contribution(_ replica: Int, _ options: SGDOptions) throws -> (values: [Float], result: TrainResult) {
    let (clips, labels) = round(replica)
    var values = [Float](repeating: .nan, count: start.count)
    let result = try values.withUnsafeMutableBufferPointer { values in
      try start.withUnsafeBufferPointer { start in
        try clips.withUnsafeBufferPointer {
          try LocalSteps(network, count: Self.count, batch: Self.batch).train(
            from: start, clips: $0, labels: labels, options: options, contribution: values)
        }
      }
    }
    return (values, result)
  }

  @Test("a step on the mean of the contributions gives the mean of the replicas' parameters")
  func mean() throws {
    let options = SGDOptions(momentum: 0, nesterov: false, weightDecay: 0.1, learningRate: 0.05)
    let ends = try (0..<Self.replicas).map { try alone($0, options) }
    let contributions = try (0..<Self.replicas).map { try contribution($0, options) }
    for (end, contribution) in zip(ends, contributions) { #expect(contribution.result.loss == end.loss) }
    var (parameters, momentum) = (start, [Float](repeating: 0, count: start.count))
    let sum = zip(contributions[0].values, contributions[1].values).map(+)
    sgd(&parameters, &momentum, sum, 1 / Float(Self.replicas), options)
    var moved: Float = 0
    for segment in layout.segments {
      for index in segment.range {
        let expected = (ends[0].parameters[index] + ends[1].parameters[index]) / 2
        #expect(abs(parameters[index] - expected) <= 2e-6 * max(1, abs(expected)), "\(segment.name)")
        moved = max(moved, abs(expected - start[index]))
      }
    }
    #expect(moved > 0.01)
  }

  @Test("the run's momentum is not the replicas'")
  func momentum() throws {
    let plain = SGDOptions(momentum: 0, weightDecay: 0.1, learningRate: 0.05)
    let heavy = SGDOptions(momentum: 0.9, weightDecay: 0.1, learningRate: 0.05)
    #expect(try contribution(0, plain).values == contribution(0, heavy).values)
  }

  @Test("a batch that is not whole is refused")
  func labels() throws {
    let (clips, labels) = round(0)
    var values = start
    #expect(throws: NetworkError.self) {
      try values.withUnsafeMutableBufferPointer { values in
        try start.withUnsafeBufferPointer { start in
          try clips.withUnsafeBufferPointer {
            _ = try LocalSteps(network, count: Self.count, batch: Self.batch).train(
              from: start, clips: $0, labels: labels.dropLast(), options: SGDOptions(learningRate: 1),
              contribution: values)
          }
        }
      }
    }
  }
}
