import Networks
import Tensors
import Testing

@Suite("Gradients")
struct GradientTests {
  @Test(
    "float64 gradients are finite differences, in every kind of layer",
    arguments: ["r2plus1d-10", "r2plus1d-18-torchvision", "r3d-18", "r2d-18"])
  func finiteDifferences(name: String) throws {
    try compareWithDifferences(Fixture<Double>(name, size: 24), every: name == "r2plus1d-10" ? 1 : 5)
  }

  @Test("float64 gradients of bottlenecks are finite differences")
  func bottleneckDifferences() throws {
    var fixture = try Fixture<Double>("r2plus1d-101", size: 32)
    // A hundred layers multiply a step beyond the next kink of some ReLU, so here most ReLUs stay open.
    for segment in fixture.network.layout.segments where segment.role == .bias && segment.name != "fc.bias" {
      for index in segment.range { fixture.parameters[index] += 4 }
    }
    try compareWithDifferences(fixture, every: 29)
  }

  /// The derivative of the loss by the middle element of every `every`-th tensor, and of all in the first strided block.
  func compareWithDifferences(_ original: Fixture<Double>, every: Int) throws {
    var fixture = original
    let (_, _, gradient) = try fixture.train()
    let trained = fixture.network.layout.segments.filter { $0.role == .weight || $0.role == .bias }
    for (number, segment) in trained.enumerated()
    where number % every == 0 || segment.name.hasPrefix("fc") || segment.name.hasPrefix("layer2.0.") {
      let index = segment.offset + segment.count / 2
      let value = fixture.parameters[index]
      // Small, lest a step crosses the kink of a ReLU.
      let step = 1e-7
      fixture.parameters[index] = value + step
      let above = try fixture.train().result.loss
      fixture.parameters[index] = value - step
      let below = try fixture.train().result.loss
      fixture.parameters[index] = value
      let expected = (above - below) / (2 * step)
      #expect(
        abs(gradient[index] - expected) < 1e-6 + 1e-4 * abs(expected),
        "\(segment.name): \(gradient[index]), by differences \(expected)")
    }
  }

  @Test(
    "float32 with batch statistics agrees with float64",
    arguments: ["r2plus1d-10", "r2plus1d-18", "r2plus1d-18-torchvision", "r3d-18", "r2d-18"])
  func precision(name: String) throws {
    let single = try Fixture<Float>(name, size: 32)
    let double = try Fixture<Double>(name, size: 32)
    let (result, logits, gradient) = try single.train()
    let (expected, exactLogits, exactGradient) = try double.train()
    #expect(abs(result.loss - expected.loss) < 1e-4)
    #expect(distance(logits, exactLogits) < 1e-4)
    #expect(distance(gradient, exactGradient) < 2e-2)
  }

  @Test("float32 with running statistics agrees with float64", arguments: NetworkDefinition.names)
  func runningPrecision(name: String) throws {
    let single = try Fixture<Float>(name, size: 32)
    let double = try Fixture<Double>(name, size: 32)
    #expect(distance(try single.logits(.eval), try double.logits(.eval)) < 1e-5)
  }
}
