internal import ArgumentParser
internal import Networks

/// `sluice net gradients`
struct NetGradients: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gradients",
    abstract: "Writes loss, logits, every gradient and the updated running statistics of one training step.")

  @OptionGroup var options: NetFileOptions

  func run() async throws {
    try options.files.gradients()
  }
}
