package import ArgumentParser
internal import Corpus
internal import Foundation

/// `sluice corpus`: builds and describes the index of a directory of videos.
package struct CorpusCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "corpus", abstract: "Indexes a directory of tagged videos.",
    subcommands: [
      Build.self, Stats.self, Tags.self, Labels.self, Match.self, Probe.self, Import.self, Subset.self, Overlap.self,
      List.self, Plot.self, Hash.self, Deduplicate.self, Calibrate.self, CalibrateFeatures.self,
    ])

  package init() {}

  /// `sluice corpus build`.
  package struct Build: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Probes the videos of DIR/manifest.jsonl and writes DIR/corpus.sqlite.",
      discussion: "After an interruption the same call goes on where it was.")

    @Argument(help: ArgumentHelp("Directory with manifest.jsonl and labels.txt.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Label phrases, one a line; DIR/labels.txt by default.", valueName: "file"))
    var labels: String?

    @Option(help: "Seed of the order of videos and of the validation split.")
    var seed: UInt64 = 0

    @Option(help: "Labels with fewer videos to train on are dropped; the paper's is 50.")
    var minimum = 0

    @Option(help: "Probing threads; one a core by default.")
    var workers: Int?

    @OptionGroup var output: JSONOutput

    package init() {}

    package func validate() throws {
      if minimum < 0 { throw ValidationError("--minimum must be at least 0") }
      if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let progress = ProgressBar()
      let report = try CorpusBuilder.build(
        directory: directory, labelsFile: labels, seed: seed, minimumVideos: minimum, workers: workers,
        warn: RejectNotes().note, progress: { progress.show($0, of: $1, "videos") })
      for warning in report.warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
      try output.print(report, text: Self.describe(report, directory))
    }

    static func describe(_ report: CorpusBuildReport, _ directory: String) -> String {
      let splits = ["train", "validation", "test"].map { "\($0) \(report.splits[$0] ?? 0)" }.joined(separator: ", ")
      var lines = [
        "\(directory): \(report.videos) videos (\(splits)) of \(report.labels) labels"
          + (report.labelsDropped > 0 ? ", \(report.labelsDropped) with fewer videos dropped" : ""),
        "\(report.unmatched) rows without a label, \(report.leftOutCount) left out",
        "\(report.access["table"] ?? 0) opened by packet table, \(report.access["probe"] ?? 0) probed at every open, "
          + "\(report.access["linear"] ?? 0) decoded from the start",
      ]
      if report.before > 0 { lines.insert("\(report.before) rows were dealt with before an interruption", at: 1) }
      lines += report.leftOut.prefix(10).map { "  line \($0.line), \($0.file): \($0.reason)" }
      if report.leftOutCount > 10 { lines.append("  … and \(report.leftOutCount - 10) more, in the table left_out") }
      return (lines + ["fingerprint \(report.fingerprint)"]).joined(separator: "\n")
    }
  }

  /// `sluice corpus stats`.
  package struct Stats: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Counts the videos of an index.")

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Only the videos of a subset's file.", valueName: "file"))
    var subset: String?

    @OptionGroup var output: JSONOutput

    package init() {}

    package func run() async throws {
      let statistics = try Corpus(directory: directory, subset: subset).statistics()
      try output.print(statistics, text: describe(statistics))
    }

    private func describe(_ statistics: CorpusStatistics) -> String {
      let splits = ["train", "validation", "test"].map { "\($0) \(statistics.splits[$0] ?? 0)" }
      let tail = statistics.tail
      let head = [
        "videos    \(statistics.videos) (\(splits.joined(separator: ", ")))",
        "hours     \(hours(statistics.seconds, 1))",
        "hashtags  \(statistics.hashtags.map { "\($0)" } ?? "unknown")", "left out  \(statistics.leftOut)",
        "labels    \(statistics.labels)",
        "tail      \(tail.halfOfVideos) labels have half of the videos, the largest tenth "
          + "\(Int((tail.largestTenthShare * 100).rounded())) %; the median has \(tail.median), "
          + "\(tail.belowFifty) fewer than 50, \(tail.empty) none",
      ]
      let labels = statistics.perLabel.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      return
        (head
        + labels.map { "  \($0.value)  \(hours(statistics.secondsPerLabel[$0.key] ?? 0, 2)) h  \($0.key)" })
        .joined(separator: "\n")
    }

    private func hours(_ seconds: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", seconds / 3600) }
  }
}
