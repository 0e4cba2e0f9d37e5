internal import ArgumentParser
internal import Foundation
internal import Networks

/// `sluice net describe`
struct NetDescribe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Counts a network's parameters, multiply-adds and tensors.")

  @Argument(help: "The network: \(NetworkDefinition.names.joined(separator: ", ")).")
  var name: String

  @Option(help: "Outputs of the classifier.")
  var classes = 400

  @Option(help: "Frames a clip.")
  var frames = 32

  @Option(help: "Height and width of a clip in pixels.")
  var size = 112

  @Option(help: "Factor on every channel count.")
  var width = 1.0

  @OptionGroup var output: JSONOutput

  func run() async throws {
    let definition = try NetworkDefinition(name: name, classes: classes, width: width)
    let description = try definition.describe(frames: frames, size: size)
    try output.print(
      description,
      text: """
        \(description.network): \(description.parameters) parameters, \(description.convolutionAndFCWeights) of them \
        convolution and FC weights
        \(String(format: "%.2f", description.gmacs)) GMAC a clip of \(frames)x\(size)x\(size), \
        \(description.tensors) tensors
        """)
  }
}
