package import ArgumentParser
import Corpus
import Foundation
import Pipeline

/// `sluice bench plan`
package struct BenchPlanCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Measures the coordinator by itself: draws, leases, commits, with workers that only answer.",
    discussion:
      "Makes an index of videos that are not there in a directory of its own, unless --corpus names one, and takes it "
      + "away again.")

  @Option(help: "Videos of the index: about 200 bytes of disk each.")
  var videos = 1_000_000

  @Option(help: "Labels of the index.")
  var labels = 1500

  @Option(help: "A directory for the index, which stays there: if it has one, that is used.")
  var corpus: String?

  @Option(help: "Replicas.")
  var replicas = 128

  @Option(help: "Clips of a replica in a step.")
  var batch = 16

  @Option(help: "Steps to measure.")
  var steps = 100

  @Option(help: "Decode workers, which have four leases each.")
  var decode = 64

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    for (name, value, limit) in [
      ("--videos", videos, 1 << 32), ("--labels", labels, 1 << 20), ("--replicas", replicas, 65_536),
      ("--batch", batch, 4096), ("--steps", steps, 100_000), ("--decode", decode, 1024),
    ] where !(1...limit).contains(value) {
      throw ValidationError("\(name) must be 1 to \(limit).")
    }
    guard videos >= labels else { throw ValidationError("--videos must be at least --labels.") }
  }

  package func run() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-plan-\(getpid())").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let index = corpus ?? "\(directory)/corpus"
    if !FileManager.default.fileExists(atPath: "\(index)/\(Corpus.fileName)") {
      try GeneratedIndex.write(to: index, videos: videos, labels: labels) { done in
        guard done > 0, done.isMultiple(of: 5_000_000) else { return }
        FileHandle.standardError.write(Data("\(done)/\(videos) videos of the index\n".utf8))
      }
    }
    var benchmark = PlanBenchmark(corpus: index)
    benchmark.replicas = replicas
    benchmark.batch = batch
    benchmark.steps = steps
    benchmark.decodeWorkers = decode
    let result = try await benchmark.run(in: "\(directory)/run")
    try output.print(
      result,
      text: "\(Int(result.itemsPerSecond)) items/s, \(RunSummary.fixed(result.cpuMicrosecondsPerItem, 1)) µs of the "
        + "coordinator each; \(RunSummary.fixed(result.microsecondsPerDraw, 1)) µs a draw; opened \(result.videos) videos in \(RunSummary.fixed(result.secondsToOpen, 2)) s; "
        + "at most \(result.peakResidentBytes >> 20) MiB, "
        + "\(result.ownResidentBytes >> 20) MiB without pages of the index")
  }
}
