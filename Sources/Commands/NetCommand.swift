package import ArgumentParser
internal import Networks

/// `sluice net`: networks by hand.
package struct NetCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "net",
    abstract: "Describes a network, or runs it on tensors in files.",
    subcommands: [NetDescribe.self, NetForward.self, NetGradients.self])

  package init() {}
}

extension Precision: ExpressibleByArgument {}

/// Whether Winograd's transforms may be used.
struct WinogradOption: ParsableArguments {
  @Flag(
    name: .customLong("winograd"), inversion: .prefixedNo,
    help: "Whether spatial convolutions may use Winograd's transforms, which are faster and round a little more.")
  var isAllowed = true
}

/// The files and the precision `net forward` and `net gradients` take.
struct NetFileOptions: ParsableArguments {
  @Argument(help: "The network: \(NetworkDefinition.names.joined(separator: ", ")).")
  var name: String

  @Option(help: "Weights: safetensors with torchvision's names.")
  var weights: String

  @Option(
    help:
      "Input: safetensors with 'clips' (N, 3, T, H, W), normalised; for gradients also 'labels': (N), int64, or (N, classes) of 0 and 1."
  )
  var input: String

  @Option(help: "The safetensors file to write.")
  var output: String

  @Option(help: "float32, mixed (bfloat16 products where they are faster) or float64.")
  var precision = Precision.float32

  @Option(help: "The network's width, if the weights' metadata does not say it.")
  var width: Double?

  @Option(help: "Threads that share the work.")
  var threads = 1

  @OptionGroup var winograd: WinogradOption

  var files: NetworkFiles {
    NetworkFiles(
      name: name, weights: weights, input: input, output: output, precision: precision, width: width, threads: threads,
      winograd: winograd.isAllowed)
  }
}
