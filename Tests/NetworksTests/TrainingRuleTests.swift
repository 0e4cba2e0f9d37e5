import Networks
import Tensors
import Testing

@Suite("Initialisation, SGD, schedules and metrics")
struct TrainingRuleTests {
  @Test("He initialisation has its statistics, and the seed's bits")
  func initialization() throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 400, width: 0.5))
    var vector = [Float](repeating: .nan, count: layout.count)
    vector.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: 5, into: $0) }
    for segment in layout.segments {
      let values = vector[segment.range].map { Double($0) }
      switch (segment.role, segment.shape.count) {
      case (.weight, 1), (.runningVariance, _): #expect(values.allSatisfy { $0 == 1 })
      case (.bias, _), (.runningMean, _): #expect(values.allSatisfy { $0 == 0 })
      default:
        let shape = segment.shape
        let deviation = shape.count == 2 ? 0.01 : (2 / Double(shape[0] * shape[2...].reduce(1, *))).squareRoot()
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let variance = values.reduce(0) { $0 + $1 * $1 } / count
        let fourth = values.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
        // Five standard errors each.
        #expect(abs(mean) < 5 * deviation / count.squareRoot(), "\(segment.name)")
        #expect(abs(variance / (deviation * deviation) - 1) < 5 * (2 / count).squareRoot(), "\(segment.name)")
        #expect(abs(fourth / (variance * variance) - 3) < 5 * (24 / count).squareRoot(), "\(segment.name)")
      }
    }
    var other = vector
    other.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: 6, into: $0) }
    #expect(other != vector)
    other.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: 5, into: $0) }
    #expect(other == vector)
  }

  @Test("the normal quantile has its known values")
  func quantile() {
    #expect(abs(NormalQuantile.value(0.975) - 1.959963984540054) < 1e-14)
    #expect(abs(NormalQuantile.value(1e-10) + 6.361340902404056) < 1e-13)
    #expect(abs(NormalQuantile.value(0x1p-53) + 8.209536151601387) < 1e-12)
    #expect(NormalQuantile.value(0.5) == 0)
    #expect(abs(NormalQuantile.logarithm(10) - 2.302585092994046) < 1e-15)
  }

  /// One update of parameters 0.5 and momentum 0.25 by a quarter of the sum 3.
  /// - Parameter expected: a trained parameter and its momentum after it; whether decay is on it is given.
  private func expectStep(
    _ options: SGDOptions, _ expected: (Bool) -> (parameter: Double, momentum: Double)
  ) throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 3, width: 0.125))
    var parameters = [Double](repeating: 0.5, count: layout.count)
    var momentum = [Double](repeating: 0.25, count: layout.count)
    let sum = [Double](repeating: 3, count: layout.count)
    parameters.withUnsafeMutableBufferPointer { parameters in
      momentum.withUnsafeMutableBufferPointer { momentum in
        sum.withUnsafeBufferPointer {
          SGD.update(
            layout: layout, offset: 0, parameters: parameters, momentum: momentum, sum: $0, scale: 0.25,
            options: options)
        }
      }
    }
    for segment in layout.segments {
      let after =
        switch segment.role {
        case .weight, .bias: expected(segment.role == .weight)
        case .runningMean, .runningVariance: (parameter: 0.9 * 0.5 + 0.1 * 0.75, momentum: 0.25)
        }
      #expect(segment.range.allSatisfy { abs(parameters[$0] - after.parameter) < 1e-15 }, "\(segment.name)")
      #expect(segment.range.allSatisfy { abs(momentum[$0] - after.momentum) < 1e-15 }, "\(segment.name)")
    }
  }

  /// d = g + wd·w; v = μv + d; w −= lr·(d + μv), by hand for one element of each role.
  @Test("one step follows the rule for every role")
  func rule() throws {
    try expectStep(SGDOptions(weightDecay: 0.1, learningRate: 0.01)) { isDecayed in
      let d = 0.75 + (isDecayed ? 0.1 * 0.5 : 0)
      let v = 0.9 * 0.25 + d
      return (0.5 - 0.01 * (d + 0.9 * v), v)
    }
  }

  /// d = s·g + wd·w; v = μv + d; w −= lr·v, and the running statistics as ever.
  @Test("one step without Nesterov, and with a scaled gradient, follows the rule")
  func plainMomentum() throws {
    let options = SGDOptions(
      momentum: 0.8, nesterov: false, weightDecay: 0.1, learningRate: 0.01, gradientScale: 0.5)
    try expectStep(options) { isDecayed in
      let v = 0.8 * 0.25 + 0.375 + (isDecayed ? 0.1 * 0.5 : 0)
      return (0.5 - 0.01 * v, v)
    }
  }

  @Test("decay is on weights and gammas, not on betas and the classifier's bias")
  func roles() throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-101", classes: 3, width: 0.125))
    for segment in layout.segments {
      let expected: ParameterLayout.Role =
        segment.name.hasSuffix(".running_mean")
        ? .runningMean
        : segment.name.hasSuffix(".running_var")
          ? .runningVariance : segment.name.hasSuffix(".bias") ? .bias : .weight
      #expect(segment.role == expected, "\(segment.name)")
    }
  }

  @Test("a gradient's norm is of parameters only, and clipping is PyTorch's rule")
  func norm() throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 3, width: 0.125))
    var noise = SplitMix(state: 4)
    var sum = [Float](repeating: 1e30, count: layout.count)
    var expected = 0.0
    for segment in layout.segments where segment.role == .weight || segment.role == .bias {
      for index in segment.range {
        sum[index] = Float(noise.uniform() - 0.5)
        expected += Double(sum[index]) * Double(sum[index]) / 9
      }
    }
    let cut = 777
    let parts = [0..<cut, cut..<layout.count].map { range in
      sum.withUnsafeBufferPointer {
        SGD.squaredNorm(layout: layout, offset: range.lowerBound, sum: .init(rebasing: $0[range]), scale: 1 / 3)
      }
    }
    #expect(abs((parts[0] + parts[1]) / expected - 1) < 1e-6)
    #expect(SGD.clipScale(squaredNorm: 100, limit: 2.5) == 2.5 / (10 + 1e-6))
    #expect(SGD.clipScale(squaredNorm: 100, limit: 11) == 1)
    #expect(SGD.clipScale(squaredNorm: 0, limit: 1) == 1)
  }

  @Test("blocks cut anywhere give the same bits", arguments: [1, 7, 100, 4099])
  func blocks(size: Int) throws {
    let layout = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 3, width: 0.125))
    var noise = SplitMix(state: 1)
    let count = layout.count
    let parameters = (0..<count).map { _ in Float(noise.uniform() - 0.5) }
    let momentum = (0..<count).map { _ in Float(noise.uniform() - 0.5) }
    let sum = (0..<count).map { _ in Float(noise.uniform() - 0.5) }
    func update(blocksOf size: Int) -> [[Float]] {
      var (parameters, momentum) = (parameters, momentum)
      for start in stride(from: 0, to: count, by: size) {
        let range = start..<min(count, start + size)
        parameters.withUnsafeMutableBufferPointer { parameters in
          momentum.withUnsafeMutableBufferPointer { momentum in
            sum.withUnsafeBufferPointer {
              SGD.update(
                layout: layout, offset: start, parameters: .init(rebasing: parameters[range]),
                momentum: .init(rebasing: momentum[range]), sum: .init(rebasing: $0[range]), scale: 1 / 3,
                options: SGDOptions(learningRate: 0.05))
            }
          }
        }
      }
      return [parameters, momentum]
    }
    #expect(update(blocksOf: size) == update(blocksOf: count))
  }

  @Test("schedules")
  func schedules() {
    var schedule = LearningRateSchedule(
      base: 0.192, replicas: 128, warmUpSteps: 10, totalSteps: 1400, kind: .halvings(13))
    #expect(schedule.rate(step: 0) == 0.192 / 128)
    #expect(abs(schedule.rate(step: 5) - (0.0015 + 0.192) / 2) < 1e-12)
    #expect(schedule.rate(step: 10) == 0.192)
    #expect(schedule.rate(step: 99) == 0.192)
    #expect(schedule.rate(step: 100) == 0.096)
    #expect(schedule.rate(step: 1399) == 0.192 / 8192)
    #expect(schedule.rate(step: 5000) == 0.192 / 8192)
    schedule.kind = .steps([20, 30], gamma: 0.1)
    #expect(schedule.rate(step: 19) == 0.192)
    #expect(abs(schedule.rate(step: 20) - 0.0192) < 1e-12)
    #expect(abs(schedule.rate(step: 30) - 0.00192) < 1e-12)
    schedule.kind = .halfCosine
    #expect(abs(schedule.rate(step: 700) - 0.096) < 1e-12)
    #expect(abs(schedule.rate(step: 1400)) < 1e-12)
    schedule.kind = .constant
    #expect(schedule.rate(step: 1000) == 0.192)
  }

  /// paper.md section 3: 0.0015 a replica, 14 segments of 45,573 iterations at 32 frames, 17,090 at 8, the rate halved
  /// between them.
  @Test("the paper's schedule is halved exactly between its 14 segments", arguments: [(45_573, 768), (17_090, 2048)])
  func thePapersSchedule(segment: Int, clips: Int) {
    let warmUp = (6_400_000 + clips - 1) / clips
    let schedule = LearningRateSchedule(
      base: 0.192, replicas: 128, warmUpSteps: warmUp, totalSteps: 14 * segment, kind: .halvings(13))
    #expect(schedule.rate(step: 0) == 0.0015)
    #expect(schedule.rate(step: warmUp - 1) < 0.192)
    #expect(schedule.rate(step: warmUp) == 0.192)
    for number in 0..<14 {
      var expected = 0.192
      for _ in 0..<number { expected /= 2 }
      let first = max(number * segment, warmUp)
      #expect(schedule.rate(step: first) == expected, "segment \(number)")
      #expect(schedule.rate(step: (number + 1) * segment - 1) == expected, "segment \(number)")
    }
    // 35 M clips a segment.
    #expect(abs(Double(segment * clips) / 35e6 - 1) < 1e-4)
  }

  @Test("the half cosine after a warm-up has its exact values")
  func halfCosine() {
    let schedule = LearningRateSchedule(
      base: 0.4, replicas: 4, warmUpSteps: 2, totalSteps: 12, kind: .halfCosine)
    #expect(schedule.rate(step: 0) == 0.1)
    #expect(abs(schedule.rate(step: 1) - 0.25) < 1e-15)
    // (1 + cos(π · 4 / 12)) / 2 = 3/4, and 1/4 at step 8.
    #expect(abs(schedule.rate(step: 4) - 0.3) < 1e-15)
    #expect(abs(schedule.rate(step: 8) - 0.1) < 1e-15)
    #expect(schedule.rate(step: 12) == 0)
    #expect(schedule.rate(step: 13) == 0)
  }

  @Test("rank, softmax and mean average precision")
  func metrics() {
    #expect(Metrics.rank(of: 1, in: [0.1, 0.7, 0.2]) == 0)
    #expect(Metrics.rank(of: 0, in: [0.1, 0.7, 0.2]) == 2)
    #expect(Metrics.rank(of: 2, in: [0.5, 0.5, 0.5]) == 2)
    #expect(Metrics.rank(of: 0, in: [.nan, 0.5]) == 1)
    #expect(Metrics.rank(of: 4, in: [1, 2]) == 2)
    let probabilities = Metrics.softmax([1000, 1001])
    #expect(abs(probabilities[1] - 0.731058579) < 1e-6)
    // Class 0: ranked videos 0, 1, 2, positives 0 and 2: (1 + 2/3) / 2. Class 1: video 1 is first: 1.
    let map = Metrics.meanAveragePrecision(
      scores: [[0.9, 0.1, 0], [0.8, 0.9, 0], [0.7, 0.2, 0]], labels: [[0], [1], [0]])
    #expect(abs(map - (5.0 / 6 + 1) / 2) < 1e-12)
  }

  @Test("bad definitions, sizes and batches are errors")
  func badInput() throws {
    let unknown = #expect(throws: NetworkError.self) { try NetworkDefinition(name: "r2plus1d-19", classes: 4) }
    #expect(try #require(unknown).message.contains("r2plus1d-18-torchvision"))
    #expect(throws: NetworkError.self) { try NetworkDefinition(name: "r3d-18", classes: 0) }
    #expect(throws: NetworkError.self) { try NetworkDefinition(name: "r3d-18", classes: 4, width: .nan) }
    let definition = try NetworkDefinition(name: "r2plus1d-10", classes: 4, width: 0.125)
    #expect(throws: NetworkError.self) { try definition.describe(frames: 0, size: 112) }
    #expect(throws: NetworkError.self) { try definition.describe(frames: 8, size: Int.max) }
    #expect(throws: NetworkError.self) {
      try Network<Float>(definition, batch: 4096, frames: 1024, height: 4096, width: 4096)
    }
    let network = try Network<Float>(definition, batch: 1, frames: 8, height: 16, width: 16)
    let clips = [UInt8](repeating: 0, count: 8 * 16 * 16 * 3)
    var gradient = [Float](repeating: 0, count: network.layout.count)
    let parameters = gradient
    func train(_ labels: [Int], parameters: [Float]) throws {
      try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeBufferPointer {
          _ = try network.train(parameters: $0, clips: clips, labels: labels, gradient: gradient)
        }
      }
    }
    #expect(throws: NetworkError.self) { try train([4], parameters: parameters) }
    #expect(throws: NetworkError.self) { try train([], parameters: parameters) }
    #expect(throws: NetworkError.self) { try train([1, 2], parameters: parameters) }
    #expect(throws: NetworkError.self) { try train([1], parameters: [1, 2]) }
    // One value a channel in the last stage has no variance.
    #expect(throws: NetworkError.self) { try train([1], parameters: parameters) }
  }
}
