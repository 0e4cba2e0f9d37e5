import Networks
import Tensors
import Testing

/// A network with initial parameters and random clips, for tests.
struct Fixture<Scalar: NetworkScalar> {
  let network: Network<Scalar>
  var parameters: [Scalar]
  let clips: [Scalar]
  let labels: [Int]

  init(
    _ name: String, classes: Int = 5, width: Double = 0.125, batch: Int = 2, frames: Int = 8, size: Int = 16,
    threads: Int = 1
  ) throws {
    let definition = try NetworkDefinition(name: name, classes: classes, width: width)
    let network = try Network<Scalar>(
      definition, batch: batch, frames: frames, height: size, width: size, threads: threads)
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

@Suite("Gradients")
struct GradientTests {
  @Test(
    "float64 gradients are finite differences, in every kind of layer",
    arguments: [
      "r2plus1d-10", "r2plus1d-18-torchvision", "r2plus1d-101", "r3d-18", "r2d-18",
    ])
  func finiteDifferences(name: String) throws {
    var fixture = try Fixture<Double>(name)
    let (_, _, gradient) = try fixture.train()
    for (number, segment) in fixture.network.layout.segments.enumerated()
    where segment.role == .weight || segment.role == .bias {
      // A deep network has hundreds of tensors: each kind near its start and end is enough.
      if number > 24 && number % 17 != 0 && !segment.name.hasPrefix("fc") { continue }
      let index = segment.offset + segment.count / 2
      let original = fixture.parameters[index]
      // Small, lest a step crosses the kink of a ReLU.
      let step = 1e-7
      fixture.parameters[index] = original + step
      let above = try fixture.train().result.loss
      fixture.parameters[index] = original - step
      let below = try fixture.train().result.loss
      fixture.parameters[index] = original
      let expected = (above - below) / (2 * step)
      #expect(
        abs(gradient[index] - expected) < 1e-6 + 1e-4 * abs(expected),
        "\(segment.name): \(gradient[index]), by differences \(expected)")
    }
  }

  @Test("float32 agrees with float64", arguments: NetworkDefinition.names)
  func precision(name: String) throws {
    let single = try Fixture<Float>(name, frames: 8, size: 32)
    let double = try Fixture<Double>(name, frames: 8, size: 32)
    let (result, logits, gradient) = try single.train()
    let (expected, exactLogits, exactGradient) = try double.train()
    #expect(abs(result.loss - expected.loss) < 1e-4)
    #expect(distance(logits, exactLogits) < 1e-4)
    #expect(distance(gradient, exactGradient) < 2e-2)
  }
}
