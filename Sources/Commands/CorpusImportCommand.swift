package import ArgumentParser
internal import Corpus
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus import`.
  package struct Import: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Makes a corpus directory of a published data set: its annotation files, and the videos that are there."
    )

    @Argument(help: "kinetics, epic-kitchens, something-something, ucf101 or hmdb51.")
    var format: DatasetImport.Format

    @Argument(help: ArgumentHelp("The data set's annotation files, or directories of them.", valueName: "annotations"))
    var annotations: [String]

    @Option(help: ArgumentHelp("Directory of the videos, in any folders.", valueName: "dir"))
    var videos: String

    @Option(help: ArgumentHelp("Directory for manifest.jsonl and labels.txt.", valueName: "dir"))
    var output: String

    @Option(help: "What of EPIC-KITCHENS is the label: verb, noun or action.")
    var labels = DatasetImport.LabelKind.action

    @Option(help: "Which of the three splits of UCF101 and HMDB51.")
    var splitNumber = 1

    @Option(help: ArgumentHelp("Participants of EPIC-KITCHENS for validation, as P25,P26.", valueName: "list"))
    var validationParticipants: String?

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if !(1...3).contains(splitNumber) { throw ValidationError("--split-number must be 1, 2 or 3") }
    }

    package func run() async throws {
      var options = DatasetImport.Options(annotations: annotations, videos: videos)
      options.labels = labels
      options.splitNumber = splitNumber
      options.validationParticipants = Set(
        (validationParticipants ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
      let notes = RejectNotes()
      let report = try DatasetImport.run(format, options, to: output) { notes.note($0.place, $0.reason) }
      try json.print(report, text: describe(report))
    }

    private func describe(_ report: DatasetImport.Report) -> String {
      let splits = ["train", "validation", "test"].map { "\($0) \(report.splits[$0] ?? 0)" }.joined(separator: ", ")
      var lines = [
        "\(output): \(report.clips) clips (\(splits)) of \(report.labels) labels, from \(report.rows) rows",
        "\(report.missing) without their video\(report.missing > 0 ? ", in missing.txt" : ""); "
          + "\(report.unlabelled) without a label",
        "\(report.furtherLabels) gave a clip one more label; \(report.duplicates) were there before and "
          + "\(report.rejected) cannot be used" + (report.duplicates + report.rejected > 0 ? ", in rejects.txt" : ""),
      ]
      if !report.passedOver.isEmpty {
        lines.append("passed over, without rows to use: \(report.passedOver.joined(separator: ", "))")
      }
      if !report.unreadable.isEmpty {
        lines.append(
          "folders that cannot be read, whose videos count as missing: \(report.unreadable.joined(separator: ", "))")
      }
      lines.append("next: sluice corpus build \(output)")
      return lines.joined(separator: "\n")
    }
  }

  /// `sluice corpus overlap`.
  package struct Overlap: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Which labels of a target have one that means the same in a source: |common| / |target|.")

    @Argument(help: ArgumentHelp("A corpus directory or label file: what is trained on first.", valueName: "source"))
    var source: String

    @Argument(help: ArgumentHelp("A corpus directory or label file: what is transferred to.", valueName: "target"))
    var target: String

    @OptionGroup var json: JSONOutput

    package init() {}

    package func run() async throws {
      let overlap = LabelOverlap(source: try LabelList.named(source), target: try LabelList.named(target))
      let percent = String(format: "%.1f", overlap.share * 100)
      let head =
        "\(overlap.common) of the \(overlap.target) labels of \(target) (\(percent) %) are among the \(overlap.source) of \(source)"
      let pairs = overlap.pairs.map { pair in
        pair.source == [pair.target] ? "  \(pair.target)" : "  \(pair.target): \(pair.source.joined(separator: ", "))"
      }
      try json.print(overlap, text: ([head] + pairs).joined(separator: "\n"))
    }
  }
}

extension DatasetImport.Format: ExpressibleByArgument {}
extension DatasetImport.LabelKind: ExpressibleByArgument {}
