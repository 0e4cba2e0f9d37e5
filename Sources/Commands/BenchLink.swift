package import ArgumentParser
import Pipeline
import Wire

/// `sluice bench link`
package struct BenchLinkCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Measures a link by itself: clips of 8 frames between two workers over tcp loopback, checksums and all.")

  @Option(help: "Clips to send.")
  var clips = 5000

  @Option(help: "Side of the frames in pixels.")
  var side = 112

  @Option(help: "none or lz4.")
  var compression = "none"

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard ["none", "lz4"].contains(compression) else {
      throw ValidationError("--compression \(compression): give none or lz4")
    }
    guard (1...10_000_000).contains(clips) else { throw ValidationError("--clips must be 1 to 10000000.") }
    guard (1...4096).contains(side) else { throw ValidationError("--side must be 1 to 4096.") }
  }

  package func run() async throws {
    let benchmark = LinkBenchmark(clips: clips, side: side, compression: compression == "lz4" ? .lz4 : .none)
    let result = try await benchmark.run()
    func text(_ value: Double) -> String { String((value * 100).rounded() / 100) }
    try output.print(
      result,
      text:
        "\(text(result.clipsPerSecond)) clips/s of \(result.clipBytes) bytes, \(text(result.gigabytesPerSecond)) GB/s, "
        + "\(text(result.cpuSecondsPerGigabyte)) CPU seconds a GB; \(text(result.compressedShare)) of their size on the wire"
    )
  }
}
