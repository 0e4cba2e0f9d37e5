internal import Foundation
internal import Tensors

/// The speed of training steps by themselves, on random clips: `bench train`.
package struct TrainBenchmark: Sendable {
  package var definition: NetworkDefinition
  package var batch: Int
  package var frames: Int
  package var size: Int
  package var threads: Int
  /// Measured steps; the first one, which touches all memory, comes before them.
  package var steps: Int
  package var precision: Precision
  /// Whether Winograd's transforms may be used.
  package var winograd: Bool

  package init(
    definition: NetworkDefinition, batch: Int, frames: Int, size: Int, threads: Int, steps: Int, precision: Precision,
    winograd: Bool = true
  ) {
    self.definition = definition
    self.batch = batch
    self.frames = frames
    self.size = size
    self.threads = threads
    self.steps = steps
    self.precision = precision
    self.winograd = winograd
  }

  /// The keys of `bench train --json`.
  package struct Result: Sendable, Encodable {
    package let network: String
    package let batch: Int
    package let frames: Int
    package let threads: Int
    package let precision: String
    /// Median over the steps: forward, backward and SGD.
    package let secondsPerStep: Double
    package let clipsPerSecond: Double
    /// Two operations a multiply-add, three passes a step.
    package let gflops: Double
    package let peakRSSBytes: Int

    enum CodingKeys: String, CodingKey {
      case network, batch, frames, threads, precision, gflops
      case secondsPerStep = "seconds_per_step"
      case clipsPerSecond = "clips_per_second"
      case peakRSSBytes = "peak_rss_bytes"
    }
  }

  /// Runs the steps.
  package func run() throws(NetworkError) -> Result {
    guard steps >= 1, steps <= 1_000_000 else {
      throw NetworkError(.invalidInput, "A benchmark takes 1 to 1000000 steps, not \(steps).")
    }
    let seconds =
      switch precision {
      case .float32, .mixed: try measure(Float.self)
      case .float64: try measure(Double.self)
      }
    let median = seconds.sorted()[seconds.count / 2]
    let description = try definition.describe(frames: frames, size: size)
    return Result(
      network: definition.name, batch: batch, frames: frames, threads: threads, precision: precision.rawValue,
      secondsPerStep: median, clipsPerSecond: Double(batch) / median,
      gflops: 6 * description.gmacs * Double(batch) / median, peakRSSBytes: peakResidentBytes())
  }

  private static func initialParameters(_ layout: ParameterLayout) -> [Float] {
    var initial = [Float](repeating: 0, count: layout.count)
    initial.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: 1, into: $0) }
    return initial
  }

  private func measure<Scalar: NetworkScalar>(_: Scalar.Type) throws(NetworkError) -> [Double] {
    let network = try Network<Scalar>(
      definition, batch: batch, frames: frames, height: size, width: size, threads: threads, precision: precision,
      winograd: winograd)
    let layout = network.layout
    var parameters = Self.initialParameters(layout).map { Scalar($0) }
    var momentum = [Scalar](repeating: 0, count: layout.count)
    var gradient = momentum
    let noise = CounterGenerator(seed: 1, name: "bench")
    let clips = (0..<batch * frames * size * size * 3).map { UInt8(truncatingIfNeeded: noise.bits(UInt64($0))) }
    let labels = (0..<batch).map { $0 % definition.classes }
    var seconds: [Double] = []
    for step in 0...steps {
      let start = ContinuousClock.now
      try gradient.withUnsafeMutableBufferPointer { (gradient) throws(NetworkError) in
        try parameters.withUnsafeMutableBufferPointer { (parameters) throws(NetworkError) in
          _ = try network.train(
            parameters: UnsafeBufferPointer(parameters), clips: clips, labels: labels, gradient: gradient)
          momentum.withUnsafeMutableBufferPointer { momentum in
            SGD.update(
              layout: layout, offset: 0, parameters: parameters, momentum: momentum,
              sum: UnsafeBufferPointer(gradient), scale: 1, options: SGDOptions(learningRate: 0.001))
          }
        }
      }
      if step > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    }
    return seconds
  }
}

/// The most memory this process has had at once.
package func peakResidentBytes() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Int(usage.ru_maxrss) << 10
}
