package import ArgumentParser
internal import Corpus
internal import Deduplication
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus hash`.
  package struct Hash: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Hashes frames of an index' videos for `deduplicate`; goes on where an interrupted call was.",
      discussion: """
        Writes DIR/hashes-2.0.bin, with --target DIR/hashes-8.0.bin, and beside it the videos that could not be decoded, as \
        hashes-2.0.failed.jsonl.
        """)

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Flag(help: "As a target of `deduplicate`: the videos of all splits, more densely than those to train on.")
    var target = false

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let progress = ProgressBar()
      let role = target ? HashRole.target : .corpus
      let result = try CorpusHasher.hash(
        try Corpus(directory: directory), as: role, workers: workers, retriesFailures: true,
        progress: { progress.show($0, of: $1, "videos hashed") }, warn: RejectNotes().note)
      let report = Report(
        file: result.hashes.path, videos: result.hashes.count, before: result.before,
        failed: result.hashes.failureCount, hashes: result.hashes.hashCount)
      let failed =
        report.failed > 0
        ? "; \(report.failed) could not be decoded, see \(HashFile.failuresPath(directory, role))" : ""
      try json.print(
        report,
        text:
          "\(report.file): \(report.hashes) hashes of \(report.videos) videos, \(report.before) of them hashed before\(failed)"
      )
    }

    private struct Report: Encodable {
      let file: String
      let videos: Int
      let before: Int
      let failed: Int
      let hashes: Int
    }
  }
}
