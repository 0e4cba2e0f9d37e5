import Networks
import Tensors

/// A network with initial parameters and random clips, for tests.
struct Fixture<Scalar: NetworkScalar> {
  let network: Network<Scalar>
  var parameters: [Scalar]
  let clips: [Scalar]
  let labels: [Int]

  init(
    _ name: String, classes: Int = 5, width: Double = 0.125, batch: Int = 2, frames: Int = 8, size: Int = 16,
    threads: Int = 1, loss: Loss = .softmax(), precision: Precision = .float32
  ) throws {
    let definition = try NetworkDefinition(name: name, classes: classes, width: width)
    let network = try Network<Scalar>(
      definition, batch: batch, frames: frames, height: size, width: size, threads: threads, loss: loss,
      precision: precision)
    var initial = [Float](repeating: 0, count: network.layout.count)
    initial.withUnsafeMutableBufferPointer { Initializer.initialize(network.layout, seed: 7, into: $0) }
    var parameters = initial.map { Scalar($0) }
    var noise = SplitMix(state: 11)
    // Gammas and betas off their initial values, so that every term of the gradient counts.
    for segment in network.layout.segments where segment.shape.count == 1 {
      for index in segment.range { parameters[index] += Scalar(noise.uniform() * 0.4 - 0.2) }
    }
    self.network = network
    self.parameters = parameters
    clips = (0..<batch * 3 * frames * size * size).map { _ in Scalar(noise.uniform() * 4 - 2) }
    labels = (0..<batch).map { $0 * 3 % classes }
  }

  func train() throws -> (result: TrainResult, logits: [Scalar], gradient: [Scalar]) {
    var gradient = [Scalar](repeating: .nan, count: network.layout.count)
    let (result, logits) = try gradient.withUnsafeMutableBufferPointer { gradient in
      try parameters.withUnsafeBufferPointer { parameters in
        try clips.withUnsafeBufferPointer {
          try network.train(parameters: parameters, normalizedClips: $0, labels: labels, gradient: gradient)
        }
      }
    }
    return (result, logits, gradient)
  }

  func logits(_ mode: Network<Scalar>.Mode) throws -> [Scalar] {
    try parameters.withUnsafeBufferPointer { parameters in
      try clips.withUnsafeBufferPointer {
        try network.logits(parameters: parameters, normalizedClips: $0, count: labels.count, mode: mode)
      }
    }
  }
}

/// SplitMix64, as in the script that makes the references.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// In [0, 1).
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// The relative distance of two vectors.
func distance<A: BinaryFloatingPoint, B: BinaryFloatingPoint>(_ a: some Sequence<A>, _ b: some Sequence<B>) -> Double {
  var difference = 0.0
  var norm = 0.0
  for (x, y) in zip(a, b) {
    difference += (Double(x) - Double(y)) * (Double(x) - Double(y))
    norm += Double(y) * Double(y)
  }
  return (difference / norm).squareRoot()
}
