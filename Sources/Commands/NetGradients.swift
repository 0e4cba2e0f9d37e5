internal import ArgumentParser
internal import Networks

/// `sluice net gradients`
struct NetGradients: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradients",
    abstract: "Writes loss, logits, every gradient and the updated running statistics of one training step.")

  /// What gradients are of.
  enum LossName: String, ExpressibleByArgument, CaseIterable {
    case softmax, sigmoid
  }

  @OptionGroup var options: NetFileOptions

  @Option(help: "softmax: cross-entropy on one label a clip; sigmoid: the logistic loss of every class.")
  var loss = LossName.softmax

  @Option(help: "Share of the softmax target spread over all classes, from 0 to below 1.")
  var labelSmoothing = 0.0

  func validate() throws {
    guard (0..<1).contains(labelSmoothing), loss == .softmax || labelSmoothing == 0 else {
      throw ValidationError("--label-smoothing takes a number from 0 to below 1, with softmax")
    }
  }

  func run() async throws {
    var files = options.files
    files.loss = loss == .softmax ? .softmax(smoothing: labelSmoothing) : .sigmoid
    try files.gradients()
  }
}
