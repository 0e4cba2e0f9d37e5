import Foundation
import Networks
import Tensors
import Testing

/// r2plus1d_18 in float32 and mixed precision against PyTorch's float64, in units of PyTorch's own distances from it:
/// scripts/python/accuracy.py. Where kinks of ReLUs decide, geometric means over eight inputs are compared.
@Suite("Distance from PyTorch's float64")
struct AccuracyTests {
  private static let seeds: ClosedRange<UInt64> = 1...8
  private static let classes = 10
  private let references: References

  init() throws { references = try References("accuracy") }

  @Test("float32: logits to 1e-5 with running statistics, direct, and to 1e-4 with batch statistics, Winograd")
  func logits() throws {
    let direct = try makeNetwork(.float32, winograd: false)
    let winograd = try makeNetwork(.float32)
    for seed in Self.seeds {
      let running = try logits(direct, seed, .eval)
      #expect(distance(running, references["\(seed).eval.logits"]) < 1e-5)
      let batch = try logits(winograd, seed, .train)
      #expect(distance(batch, references["\(seed).logits"]) < 1e-4)
    }
  }

  @Test("float32: gradients no farther than three times PyTorch's own float32")
  func gradients() throws {
    let network = try makeNetwork(.float32)
    let ratios = try Self.seeds.map { seed in
      let parameters = parameters(network.layout, seed)
      var gradient = [Float](repeating: .nan, count: parameters.count)
      _ = try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeBufferPointer { parameters in
          try clips(seed).withUnsafeBufferPointer {
            try network.train(parameters: parameters, normalizedClips: $0, labels: [3, 8], gradient: gradient)
          }
        }
      }
      let distances = network.layout.segments.filter { $0.shape.count == 5 }.map { segment in
        references.distance(
          "\(seed).grad.\(segment.name)", samplesNamed: segment.name, gradient[segment.range].map { Double($0) })
      }
      return distances.sorted()[distances.count / 2] / references["\(seed).own.float32.gradients"][0]
    }
    #expect(geometricMean(ratios) < 3, "\(ratios)")
  }

  @Test(
    "mixed: logits no farther than 1.5 times PyTorch's own bfloat16, with running and with batch statistics",
    .enabled(if: Precision.mixed.isAvailable, "needs AVX-512 bf16"), arguments: [Network<Float>.Mode.eval, .train])
  func mixedLogits(mode: Network<Float>.Mode) throws {
    let network = try makeNetwork(.mixed)
    let key = mode == .eval ? "eval.logits" : "logits"
    let ratios = try Self.seeds.map { seed in
      let logits = try logits(network, seed, mode)
      return distance(logits, references["\(seed).\(key)"]) / references["\(seed).own.bfloat16.\(key)"][0]
    }
    #expect(geometricMean(ratios) < 1.5, "\(ratios)")
  }

  // MARK: - The inputs of accuracy.py

  private func makeNetwork(_ precision: Precision, winograd: Bool = true) throws -> Network<Float> {
    try Network<Float>(
      NetworkDefinition(name: "r2plus1d-18-torchvision", classes: Self.classes), batch: 2, frames: 8, height: 32,
      width: 32, threads: 2, precision: precision, winograd: winograd)
  }

  private func parameters(_ layout: ParameterLayout, _ seed: UInt64) -> [Float] {
    References.parameters(layout, seed: seed, Float.self)
  }

  private func clips(_ seed: UInt64) -> [Float] {
    References.symmetric("clips", count: 2 * 3 * 8 * 32 * 32, seed: seed).map { Float($0 * 2) }
  }

  private func logits(_ network: Network<Float>, _ seed: UInt64, _ mode: Network<Float>.Mode) throws -> [Float] {
    try parameters(network.layout, seed).withUnsafeBufferPointer { parameters in
      try clips(seed).withUnsafeBufferPointer {
        try network.logits(parameters: parameters, normalizedClips: $0, count: 2, mode: mode)
      }
    }
  }

  private func geometricMean(_ values: [Double]) -> Double {
    exp(values.reduce(0) { $0 + log($1) } / Double(values.count))
  }
}
