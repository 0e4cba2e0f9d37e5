import Foundation
import Networks
import Tensors
import Testing

/// What scripts/python/make_references.py computed with PyTorch, and the formula it shares with these tests.
struct References {
  static let seed: UInt64 = 20_190_617

  private var tensors: [String: [Double]] = [:]

  init(_ name: String) throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("References/\(name).safetensors").path
    let read = try Safetensors.read(path).tensors
    defer { withExtendedLifetime(read) {} }
    for tensor in read {
      tensors[tensor.name] =
        tensor.elementType == .float32
        ? tensor.buffer.elements(Float.self).map { Double($0) } : Array(tensor.buffer.elements(Double.self))
    }
  }

  subscript(name: String) -> [Double] { tensors[name] ?? [] }

  /// Uniform in (-1, 1).
  static func symmetric(_ name: String, count: Int, seed: UInt64 = seed) -> [Double] {
    let generator = CounterGenerator(seed: seed, name: name)
    return (0..<count).map { generator.uniform(UInt64($0)) * 2 - 1 }
  }

  /// The formula's parameters for a layout.
  ///
  /// - Parameter isCalm: `calm` of curves.py: normalisation starts at 1 and 0, the classifier small.
  static func parameters<Scalar: NetworkScalar>(
    _ layout: ParameterLayout, seed: UInt64 = seed, isCalm: Bool = false, _: Scalar.Type
  ) -> [Scalar] {
    var vector = [Scalar](repeating: 0, count: layout.count)
    for segment in layout.segments {
      let shape = segment.shape
      var (factor, offset) = (1.0, 0.0)
      if shape.count == 5 {
        factor = (6 / Double(shape[0] * shape[2] * shape[3] * shape[4])).squareRoot()
      } else if shape.count == 2 {
        factor = isCalm ? 0.03 : 0.1
      } else {
        factor = isCalm ? 0 : 0.2
        offset = segment.role == .weight || segment.role == .runningVariance ? 1 : 0
      }
      for (index, value) in symmetric(segment.name, count: segment.count, seed: seed).enumerated() {
        vector[segment.offset + index] = Scalar(value * factor + offset)
      }
    }
    return vector
  }

  /// Norm, 64 signed sums and 64 elements of a tensor.
  static func summary(_ name: String, _ values: [Double]) -> [Double] {
    let signs = CounterGenerator(seed: seed, name: "signs")
    let places = CounterGenerator(seed: seed, name: name)
    var sums = [Double](repeating: 0, count: 64)
    var square = 0.0
    sums.withUnsafeMutableBufferPointer { sums in
      for (index, value) in values.enumerated() {
        square += value * value
        let bits = signs.bits(UInt64(index))
        for k in 0..<64 {
          let negative = (~bits >> UInt64(k) & 1) << 63
          sums[k] += Double(bitPattern: value.bitPattern ^ negative)
        }
      }
    }
    let samples = (0..<64).map { values[Int(places.bits(UInt64($0)) % UInt64(values.count))] }
    return [square.squareRoot()] + sums + samples
  }

  /// The estimated relative distance of a tensor from the reference's summary of it; the largest of what norm, signed sums and
  /// elements say.
  func distance(_ key: String, samplesNamed name: String, _ values: [Double]) -> Double {
    let expected = self[key]
    guard expected.count == 129, expected[0] > 0 else { return .infinity }
    let actual = Self.summary(name, values)
    let norm = expected[0]
    func rootMeanSquare(_ range: Range<Int>) -> Double {
      let sum = range.reduce(0) { $0 + (actual[$1] - expected[$1]) * (actual[$1] - expected[$1]) }
      return (sum / Double(range.count)).squareRoot()
    }
    let elements = rootMeanSquare(65..<129) * Double(values.count).squareRoot()
    return max(abs(actual[0] - norm), rootMeanSquare(1..<65), elements) / norm
  }
}

@Suite("PyTorch's results")
struct ReferenceTests {
  /// r2plus1d_18 of torchvision on two clips of 8x32x32: every figure of a training step, in float64.
  @Test("float64 with batch statistics: logits, loss, gradients, running statistics to 1e-7")
  func trainingStep() throws {
    let references = try References("r2plus1d-18-torchvision")
    let definition = try NetworkDefinition(name: "r2plus1d-18-torchvision", classes: 10)
    let network = try Network<Double>(definition, batch: 2, frames: 8, height: 32, width: 32, threads: 2)
    let parameters = References.parameters(network.layout, Double.self)
    let clips = References.symmetric("clips", count: 2 * 3 * 8 * 32 * 32).map { $0 * 2 }
    var gradient = [Double](repeating: .nan, count: parameters.count)
    let (result, logits) = try gradient.withUnsafeMutableBufferPointer { gradient in
      try parameters.withUnsafeBufferPointer { parameters in
        try clips.withUnsafeBufferPointer {
          try network.train(parameters: parameters, normalizedClips: $0, labels: [3, 8], gradient: gradient)
        }
      }
    }
    #expect(distance(logits, references["logits"]) < 1e-7)
    #expect(abs(result.loss / references["loss"][0] - 1) < 1e-7)
    for segment in network.layout.segments {
      var values = Array(gradient[segment.range])
      var key = "grad.\(segment.name)"
      if segment.role == .runningMean || segment.role == .runningVariance {
        key = segment.name
        for index in values.indices {
          values[index] = 0.9 * parameters[segment.offset + index] + 0.1 * values[index]
        }
      }
      let distance = references.distance(key, samplesNamed: segment.name, values)
      #expect(distance < 1e-7, "\(key): \(distance)")
    }
  }

  @Test("logits with running statistics: float32 to 1e-5, float64 to 1e-12")
  func runningStatistics() throws {
    let references = try References("r2plus1d-18-torchvision")
    #expect(distance(try logits(Double.self), references["eval.logits"]) < 1e-12)
    #expect(distance(try logits(Float.self), references["eval.logits.float32"]) < 1e-5)
  }

  private func logits<Scalar: NetworkScalar>(_: Scalar.Type) throws -> [Scalar] {
    let definition = try NetworkDefinition(name: "r2plus1d-18-torchvision", classes: 10)
    let network = try Network<Scalar>(definition, batch: 2, frames: 8, height: 32, width: 32, threads: 2)
    let clips = References.symmetric("clips", count: 2 * 3 * 8 * 32 * 32).map { Scalar($0 * 2) }
    return try References.parameters(network.layout, Scalar.self).withUnsafeBufferPointer { parameters in
      try clips.withUnsafeBufferPointer {
        try network.logits(parameters: parameters, normalizedClips: $0, count: 2, mode: .eval)
      }
    }
  }

  @Test("20 steps of SGD in float64 follow PyTorch within 1e-6 at every step")
  func training() throws {
    let references = try References("sgd")
    let definition = try NetworkDefinition(name: "r2plus1d-10", classes: 6, width: 0.25)
    let network = try Network<Double>(definition, batch: 4, frames: 8, height: 24, width: 24, threads: 2)
    let layout = network.layout
    var parameters = References.parameters(layout, Double.self)
    var momentum = [Double](repeating: 0, count: layout.count)
    var gradient = momentum
    let sorted = layout.segments.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    #expect(references["losses"].count == 20)
    for step in 0..<20 {
      let clips = References.symmetric("clips.\(step)", count: 4 * 3 * 8 * 24 * 24).map { $0 * 2 }
      let labels = (0..<4).map { (step + $0 * 5) % 6 }
      let (result, _) = try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeBufferPointer { parameters in
          try clips.withUnsafeBufferPointer {
            try network.train(parameters: parameters, normalizedClips: $0, labels: labels, gradient: gradient)
          }
        }
      }
      #expect(abs(result.loss - references["losses"][step]) < 1e-6 * max(1, references["losses"][step]))
      let options = SGDOptions(weightDecay: 5e-3, learningRate: step < 10 ? 0.02 : 0.002)
      parameters.withUnsafeMutableBufferPointer { parameters in
        momentum.withUnsafeMutableBufferPointer { momentum in
          gradient.withUnsafeBufferPointer {
            SGD.update(
              layout: layout, offset: 0, parameters: parameters, momentum: momentum, sum: $0, scale: 1,
              options: options)
          }
        }
      }
      let state = sorted.flatMap { parameters[$0.range] }
      let distance = references.distance("step.\(step)", samplesNamed: "step.\(step)", state)
      #expect(distance < 1e-6, "step \(step): \(distance)")
    }
  }
}
