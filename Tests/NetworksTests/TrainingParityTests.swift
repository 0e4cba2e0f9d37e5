import Networks
import Tensors
import Testing

/// Whether training leads where PyTorch's leads: scripts/python/curves.py is the same network, batches and rule.
@Suite("Training parity with PyTorch")
struct TrainingParityTests {
  static let steps = 100

  /// As `Setting` in curves.py.
  struct Setting: Sendable {
    let rate: Double
    let momentum: Double
    /// Batches before the first one comes again.
    let batches: Int
    /// Amplitude of a class's pattern; of the noise it is 1.
    let pattern: Double

    static let parity = Setting(rate: 0.002, momentum: 0.5, batches: 10, pattern: 1)
    static let useful = Setting(rate: 0.02, momentum: 0.9, batches: 100, pattern: 0.375)
  }

  @Test("from calm weights at a rate of 0.002, means of ten steps in float32 follow PyTorch's within 1 %")
  func parity() throws { try follow(.float32, within: 0.01) }

  @Test("and in mixed precision within 2 %", .enabled(if: Precision.mixed.isAvailable, "needs AVX-512 bf16"))
  func mixedParity() throws { try follow(.mixed, within: 0.02) }

  @Test("at a useful rate, the mean final loss of five seeds in float32 lies within PyTorch's spread")
  func usefulRate() throws { try compareSeeds(.float32) }

  @Test("and in mixed precision", .enabled(if: Precision.mixed.isAvailable, "needs AVX-512 bf16"))
  func mixedUsefulRate() throws { try compareSeeds(.mixed) }

  private func follow(_ precision: Precision, within tolerance: Double) throws {
    let expected = try References("curves")["parity"]
    #expect(expected.count == Self.steps)
    let actual = try Learner(.parity, seed: 1, precision: precision).losses()
    for decade in 0..<10 {
      let ratio = mean(actual, decade) / mean(expected, decade)
      #expect(abs(ratio - 1) < tolerance, "steps from \(decade * 10): \(ratio) of PyTorch's loss")
    }
    #expect(mean(actual, 9) < 0.6 * mean(actual, 0), "nothing was learned")
  }

  /// Rounding alone moves a seed's final loss by a third, so each seed's is the mean over a few starts one part in a million
  /// apart.
  private func compareSeeds(_ precision: Precision) throws {
    let references = try References("curves")["useful"]
    #expect(references.count == 5 * Self.steps)
    let expected = (0..<5).map { mean(Array(references[$0 * Self.steps..<($0 + 1) * Self.steps]), 9) }
    let actual = try (1...5).map { seed in
      try (0..<4).map { start in
        mean(try Learner(.useful, seed: UInt64(seed), precision: precision, start: start).losses(), 9)
      }.reduce(0, +) / 4
    }
    let average = actual.reduce(0, +) / 5
    #expect(
      (expected.min()!...expected.max()!).contains(average), "\(actual), mean \(average); PyTorch has \(expected)")
  }

  /// The mean of ten losses.
  private func mean(_ losses: [Double], _ decade: Int) -> Double {
    losses[decade * 10..<(decade + 1) * 10].reduce(0, +) / 10
  }
}

/// The small network at the start of a training run.
private struct Learner {
  private static let classes = 6
  private static let batch = 8
  private static let clip = 3 * 8 * 32 * 32

  private let setting: TrainingParityTests.Setting
  private let seed: UInt64
  private let network: Network<Float>
  private var parameters: [Float]

  /// - Parameter start: by how many millionths the initial parameters are larger.
  init(_ setting: TrainingParityTests.Setting, seed: UInt64, precision: Precision, start: Int = 0) throws {
    self.setting = setting
    self.seed = seed
    network = try Network<Float>(
      NetworkDefinition(name: "r2plus1d-10", classes: Self.classes, width: 0.25), batch: Self.batch, frames: 8,
      height: 32, width: 32, threads: 2, precision: precision)
    parameters = References.parameters(network.layout, seed: seed, isCalm: true, Float.self).map {
      $0 * (1 + Float(start) * 1e-6)
    }
  }

  /// Trains; the loss of every step.
  func losses() throws -> [Double] {
    var parameters = parameters
    var momentum = [Float](repeating: 0, count: parameters.count)
    var gradient = momentum
    let options = SGDOptions(momentum: setting.momentum, weightDecay: 1e-4, learningRate: setting.rate)
    let patterns = (0..<Self.classes).map { References.symmetric("pattern.\($0)", count: Self.clip) }
    return try (0..<TrainingParityTests.steps).map { step in
      let (clips, labels) = batch(step % setting.batches, patterns)
      return try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeMutableBufferPointer { parameters in
          let (result, _) = try clips.withUnsafeBufferPointer {
            try network.train(
              parameters: UnsafeBufferPointer(parameters), normalizedClips: $0, labels: labels, gradient: gradient)
          }
          momentum.withUnsafeMutableBufferPointer {
            SGD.update(
              layout: network.layout, offset: 0, parameters: parameters, momentum: $0,
              sum: UnsafeBufferPointer(gradient), scale: 1, options: options)
          }
          return result.loss
        }
      }
    }
  }

  /// Clips (8, 3, 8, 32, 32) and labels of a batch: noise and the patterns of the labels.
  private func batch(_ number: Int, _ patterns: [[Double]]) -> (clips: [Float], labels: [Int]) {
    let draws = CounterGenerator(seed: seed, name: "labels.\(number)")
    let labels = (0..<Self.batch).map { Int(draws.bits(UInt64($0)) % UInt64(Self.classes)) }
    var clips = References.symmetric("clips.\(number)", count: Self.batch * Self.clip, seed: seed)
    for (clip, label) in labels.enumerated() {
      for index in 0..<Self.clip { clips[clip * Self.clip + index] += setting.pattern * patterns[label][index] }
    }
    return (clips.map { Float(2 * $0) }, labels)
  }
}
