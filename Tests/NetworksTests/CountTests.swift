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

  @Test(
    "multiply-adds of frames of 128x128",
    arguments: [("r2plus1d-18", 108.4), ("r2plus1d-34", 199.0), ("r2plus1d-101", 230.5), ("r2plus1d-152", 329.1)])
  func largerFrames(name: String, gmacs: Double) throws {
    let description = try NetworkDefinition(name: name, classes: 400).describe(frames: 32, size: 128)
    #expect(abs(description.gmacs - gmacs) < 0.05)
  }

  @Test("R3D-18, R2D-18 and torchvision's R(2+1)D-18")
  func others() throws {
    let r3d = try NetworkDefinition(name: "r3d-18", classes: 400).describe(frames: 32, size: 112)
    #expect(abs(Double(r3d.convolutionAndFCWeights) / 1e6 - 33.36) < 0.005 && abs(r3d.gmacs - 81.39) < 0.005)
    let r2d = try NetworkDefinition(name: "r2d-18", classes: 400).describe(frames: 1, size: 112)
    #expect(abs(Double(r2d.convolutionAndFCWeights) / 1e6 - 11.37) < 0.005)
    let torchvision = try NetworkDefinition(name: "r2plus1d-18-torchvision", classes: 400)
    #expect(try torchvision.describe(frames: 8, size: 112).parameters == 31_505_325)
  }
}
