package import ArgumentParser
internal import Files
internal import Foundation
internal import Networks
internal import Tensors

/// `sluice bench kernels`
package struct BenchKernelsCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Measures every method for every convolution of networks, and makes the table of the fastest.")

  @Argument(help: "Networks: \(NetworkDefinition.names.joined(separator: ", ")).")
  var networks = ["r2plus1d-18-torchvision"]

  @OptionGroup var data: BenchClips

  @Option(help: "Threads that share the work.")
  var threads = 2

  @Option(help: "Measured calls of each; the median counts.")
  var repeats = 5

  @Option(
    name: .customLong("path"),
    help: "Kernel paths, one an option: \(KernelPath.allCases.map(\.rawValue).joined(separator: ", ")).")
  var paths: [KernelPath] = []

  @Option(
    help: """
      Where the table of the fastest is written: Sources/Tensors/Convolution/MeasuredMethods.swift. Rows of what is not \
      measured now are kept.
      """)
  var writeTable: String?

  @OptionGroup var output: JSONOutput

  package init() {}

  package func run() async throws {
    let paths = paths.isEmpty ? [KernelPath.current] : paths
    if let missing = paths.first(where: { !$0.isAvailable }) {
      throw ValidationError("This processor has no \(missing.rawValue).")
    }
    let benchmark = KernelBenchmark(
      definitions: try networks.map { try NetworkDefinition(name: $0, classes: 400, width: data.width) },
      batch: data.batch,
      frames: data.frames, size: data.size, threads: threads, repeats: repeats, paths: paths)
    let measurements = try benchmark.run { if !output.json { print(Self.line($0)) } }
    if let writeTable {
      try OutputFile.replace(writeTable, with: Self.source(KernelBenchmark.update(.measured, with: measurements)).utf8)
    }
    if output.json { try output.print(["measurements": measurements], text: "") }
  }

  private static func line(_ measurement: KernelBenchmark.Measurement) -> String {
    let shape = measurement.shape
    let name =
      "\(measurement.path.rawValue) \(shape.kernel) by \(shape.stride) \(shape.inChannels) to \(shape.outChannels) "
      + "on \(shape.input) \(measurement.pass.rawValue) \(measurement.method)"
    return String(
      format: "%8.2f ms %7.1f GFLOP/s ", measurement.seconds * 1000, measurement.gflops)
      + (measurement.isChosen ? "* " : "  ")
      + name
  }

  private static func source(_ table: MethodTable) -> String {
    """
    extension MethodTable {
      /// Made by `sluice bench kernels --write-table`; the command is in docs/performance.md.
      package static let measured = MethodTable(text: measuredText)!

      private static let measuredText = \"""
    \(table.text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))
        \"""
    }

    """
  }
}

extension KernelPath: ExpressibleByArgument {}
