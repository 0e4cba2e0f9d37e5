import Networks
import Testing

@Suite("Counts of the paper's table")
struct CountTests {
  @Test(
    "parameters, weights, multiply-adds and state-dict entries",
    arguments: [
      ("r2plus1d-18", 33_370_839, 33.34, 82.99, 224), ("r2plus1d-34", 63_697_175, 63.65, 152.36, 416),
      ("r2plus1d-101", 86_050_785, 85.91, 176.47, 830), ("r2plus1d-152", 118_226_785, 118.02, 252.00, 1238),
    ])
  func table(name: String, parameters: Int, weights: Double, gmacs: Double, tensors: Int) throws {
    let description = try NetworkDefinition(name: name, classes: 400).describe(frames: 32, size: 112)
    #expect(description.parameters == parameters)
    #expect(abs(Double(description.convolutionAndFCWeights) / 1e6 - weights) < 0.005)
    #expect(abs(description.gmacs - gmacs) < 0.005)
    #expect(description.tensors == tensors)
  }
}
