package import ArgumentParser
import Deduplication
import Foundation
import Networks

/// `sluice bench duplicates`
package struct BenchDuplicatesCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "duplicates", abstract: "Measures searching hashes of frames among those of targets' videos.",
    discussion: "All are made up: videos of ten seconds whose hashes change a little from frame to frame.")

  @Option(help: "Hashes to search for, each as it is and mirrored.")
  var hashes = 1_000_000

  @Option(help: "Videos to search in, of 80 frames with 26 hashes each.")
  var targets = 20_000

  @Option(help: "Seed of the hashes.")
  var seed: UInt64 = 0

  @Option(help: "Threads; one a core by default.")
  var workers = ProcessInfo.processInfo.activeProcessorCount

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    for (name, value, limit) in [
      ("--hashes", hashes, 1 << 30), ("--targets", targets, 1 << 20), ("--workers", workers, 1024),
    ] where !(1...limit).contains(value) {
      throw ValidationError("\(name) must be 1 to \(limit).")
    }
  }

  package func run() async throws {
    var result = HashBenchmark(hashes: hashes, targets: targets, seed: seed, workers: workers).run()
    result.peakResidentBytes = peakResidentBytes()
    try output.print(
      result,
      text: "\(result.hashes) hashes searched among \(result.targetHashes) of \(result.targets) videos in "
        + "\(RunSummary.fixed(result.secondsToSearch, 1)) s, indexed in \(RunSummary.fixed(result.secondsToIndex, 1)) s; "
        + "\(result.found) of \(result.copies) copies found, \(result.wrong) others; "
        + "at most \(result.peakResidentBytes >> 20) MiB")
  }
}
