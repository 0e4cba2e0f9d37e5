package import ArgumentParser
internal import Foundation
internal import Networks

/// `sluice bench train`
package struct BenchTrainCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Measures training steps by themselves, on random clips.")

  @Argument(help: "The network: \(NetworkDefinition.names.joined(separator: ", ")).")
  var network: String

  @OptionGroup var data: BenchClips

  @Option(help: "Threads that share the work.")
  var threads = 1

  @Option(help: "Measured steps.")
  var steps = 5

  @Option(help: "Outputs of the classifier.")
  var classes = 400

  @Option(help: "float32, mixed (bfloat16 products where they are faster) or float64.")
  var precision = Precision.float32

  @OptionGroup var winograd: WinogradOption

  @OptionGroup var output: JSONOutput

  package init() {}

  package func run() async throws {
    let benchmark = TrainBenchmark(
      definition: try NetworkDefinition(name: network, classes: classes, width: data.width), batch: data.batch,
      frames: data.frames, size: data.size, threads: threads, steps: steps, precision: precision,
      winograd: winograd.isAllowed)
    let result = try benchmark.run()
    try output.print(
      result,
      text: String(
        format: "%.3f s a step, %.2f clips/s, %.1f GFLOP/s, %d MiB at most", result.secondsPerStep,
        result.clipsPerSecond, result.gflops, result.peakRSSBytes >> 20))
  }
}
