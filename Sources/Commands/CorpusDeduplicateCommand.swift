package import ArgumentParser
internal import Corpus
internal import Deduplication
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus deduplicate`.
  package struct Deduplicate: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Finds copies of a target's videos: writes a subset without them.",
      discussion:
        "Hashes the videos first, into DIR/hashes-2.0.bin and TARGET/hashes-4.0.bin, if that was not done yet.")

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Directories of the targets' indexes.", valueName: "dir"))
    var against: [String]

    @Option(help: ArgumentHelp("The subset's file.", valueName: "file"))
    var output: String

    @Option(help: "Up to how many of 256 bits a copy may differ; see `sluice corpus calibrate`.")
    var distance = Deduplicator.defaultDistance

    @Option(help: ArgumentHelp("All pairs with frames alike, as JSON lines by rising distance.", valueName: "file"))
    var pairs: String?

    @Option(help: ArgumentHelp("A PNG of the pairs nearest to the distance.", valueName: "file"))
    var sheet: String?

    @Option(help: "Pairs on the sheet.")
    var sheetPairs = 24

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if against.isEmpty { throw ValidationError("give a target with --against DIR") }
      if !(0...Deduplicator.farthest).contains(distance) {
        throw ValidationError("--distance must be 0 to \(Deduplicator.farthest)")
      }
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
      if !(1...500).contains(sheetPairs) { throw ValidationError("--sheet-pairs must be 1 to 500") }
    }

    package func run() async throws {
      let progress = ProgressBar()
      let deduplicator = Deduplicator(
        try Corpus(directory: directory), against: try against.map { try Corpus(directory: $0) }, distance: distance,
        workers: workers)
      let (report, found) = try deduplicator.run(
        progress: { progress.show($1, of: $2, $0) },
        failed: { file, reason in
          FileHandle.standardError.write(Data("warning: \(file) is kept, it has no hash: \(reason)\n".utf8))
        })
      try deduplicator.subset(without: found).write(to: output)
      if let pairs { try JSONOutput.writeLines(found, to: pairs) }
      if let sheet, !found.isEmpty {
        try PairSheet.write(found, nearestTo: distance, count: sheetPairs, to: sheet)
      }
      try json.print(
        report,
        text: "\(output): \(report.dropped) of \(report.videos) videos are within \(distance) bits of one of "
          + "\(report.targets) and left out; \(report.withoutHashes) have no hash and are kept")
    }
  }

  /// `sluice corpus calibrate`.
  package struct Calibrate: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Chooses the distance for `deduplicate` by copies made of a target's videos and by unrelated ones.")

    @Argument(help: ArgumentHelp("Directory of the target's index.", valueName: "dir"))
    var target: String

    @Option(help: ArgumentHelp("Directory of an index that shows nothing of the target's.", valueName: "dir"))
    var unrelated: String

    @Option(help: "The target's videos to copy, each in seven ways.")
    var videos = 100

    @Option(help: "Share of the copies to be found.")
    var recall = 0.99

    @Option(help: "Seed of what is copied and how.")
    var seed: UInt64 = 0

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if videos < 1 { throw ValidationError("--videos must be at least 1") }
      if !(0...1).contains(recall) { throw ValidationError("--recall must be 0 to 1") }
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let directory = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-copies-\(getpid())").path
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: directory) }
      let progress = ProgressBar()
      let result = try Calibration.run(
        target: try Corpus(directory: target), unrelated: try Corpus(directory: unrelated), videos: videos,
        recall: recall, seed: seed, workers: workers, directory: directory,
        progress: { progress.show($1, of: $2, $0) })
      let kinds = result.recallByKind.sorted { $0.key < $1.key }.map { kind, recall in
        "  \(RunSummary.fixed(recall, 3))  \(kind)"
      }
      try json.print(
        result,
        text: ([
          "--distance \(result.distance): \(RunSummary.fixed(result.recall, 4)) of \(result.copies) copies, "
            + "\(RunSummary.fixed(result.unrelatedShare, 4)) of \(result.unrelated) unrelated videos, "
            + "\(RunSummary.fixed(result.siblingShare, 4)) of \(result.siblings) of the target's own, "
            + "\(result.targets) targets"
        ] + kinds).joined(separator: "\n"))
    }
  }
}
