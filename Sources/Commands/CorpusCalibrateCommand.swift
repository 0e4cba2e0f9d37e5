package import ArgumentParser
internal import Corpus
internal import Deduplication
internal import Foundation

extension CorpusCommand {
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

    @Option(help: "Rate this distance, of 256 bits, instead of choosing one.")
    var distance: Int?

    @Option(help: "Seed of what is copied and how.")
    var seed: UInt64 = 0

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if videos < 1 { throw ValidationError("--videos must be at least 1") }
      if !(0...1).contains(recall) { throw ValidationError("--recall must be 0 to 1") }
      if let distance, !(0...Deduplicator.farthest).contains(distance) {
        throw ValidationError("--distance must be 0 to \(Deduplicator.farthest)")
      }
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let directory = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-copies-\(getpid())").path
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: directory) }
      let progress = ProgressBar()
      let result = try Calibration.run(
        target: try Corpus(directory: target), unrelated: try Corpus(directory: unrelated), videos: videos,
        recall: recall, distance: distance, seed: seed, workers: workers, directory: directory,
        progress: { progress.show($1, of: $2, $0) }, warn: RejectNotes().note)
      try json.print(
        result,
        text: ([
          "--distance \(result.distance): \(RunSummary.fixed(result.recall, 4)) of \(result.copies) copies, "
            + "\(RunSummary.fixed(result.unrelatedShare, 4)) of \(result.unrelated) unrelated videos, "
            + "\(RunSummary.fixed(result.siblingShare, 4)) of \(result.siblings) of the target's own, "
            + "\(result.targets) targets"
        ] + Self.lines(result.recallByKind)).joined(separator: "\n"))
    }

    static func lines(_ recallByKind: [String: Double]) -> [String] {
      recallByKind.sorted { $0.key < $1.key }.map { kind, recall in "  \(RunSummary.fixed(recall, 3))  \(kind)" }
    }
  }

  /// `sluice corpus calibrate-features`.
  package struct CalibrateFeatures: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      commandName: "calibrate-features",
      abstract: "Chooses the distance for `deduplicate --features` by a collection with known copies.",
      discussion: "`sluice synthesize --copies-of` makes one: its other videos count as unrelated.")

    @Argument(help: ArgumentHelp("Directory of the target's index.", valueName: "dir"))
    var target: String

    @Option(help: ArgumentHelp("Directory of the collection's index, with truth.jsonl.", valueName: "dir"))
    var copies: String

    @Option(
      parsing: .upToNextOption, help: ArgumentHelp("Files of features of the collection's videos.", valueName: "file"))
    var features: [String]

    @Option(help: ArgumentHelp("File of features of the target's videos.", valueName: "file"))
    var targetFeatures: String

    @Option(help: "Share of the copies to be found.")
    var recall = 0.99

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if !(0...1).contains(recall) { throw ValidationError("--recall must be 0 to 1") }
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let progress = ProgressBar()
      let result = try FeatureCalibration.run(
        target: try Corpus(directory: target), targetFile: targetFeatures, copies: try Corpus(directory: copies),
        files: features, recall: recall, workers: workers, progress: { progress.show($1, of: $2, $0) })
      try json.print(
        result,
        text: ([
          "--distance \(result.distance): \(RunSummary.fixed(result.recall, 4)) of \(result.copies) copies, "
            + "\(RunSummary.fixed(result.unrelatedShare, 4)) of \(result.unrelated) unrelated videos, \(result.targets) targets"
        ] + Calibrate.lines(result.recallByKind)).joined(separator: "\n"))
    }
  }
}
