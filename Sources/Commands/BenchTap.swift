package import ArgumentParser
import Pipeline

/// `sluice bench tap`
package struct BenchTapCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "tap",
    abstract: "Measures what a tap costs its worker: with nobody there, and with one who watches an item in a hundred.")

  @Option(help: "Clips to publish, of 8x112x112 in RGB.")
  var items = 1_000_000

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard (100...1_000_000_000).contains(items) else { throw ValidationError("--items must be 100 to 1000000000.") }
  }

  package func run() async throws {
    let result = try await TapBenchmark(items: items).run()
    try output.print(
      result,
      text:
        "an item costs \(RunSummary.fixed(result.nanosecondsUnwatched, 1)) ns of the worker's thread with nobody there, "
        + "\(RunSummary.fixed(result.nanosecondsWatched, 1)) ns with one who watches every hundredth")
  }
}
