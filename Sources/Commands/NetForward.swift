internal import ArgumentParser
internal import Networks

/// `sluice net forward`
struct NetForward: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward", abstract: "Writes the logits of clips.")

  /// Which statistics normalise.
  enum Mode: String, ExpressibleByArgument, CaseIterable {
    case eval, train
  }

  @OptionGroup var options: NetFileOptions

  @Option(help: "eval: running statistics; train: those of the batch.")
  var mode = Mode.eval

  func run() async throws {
    try options.files.forward(batchStatistics: mode == .train)
  }
}
