package import ArgumentParser
internal import Corpus
internal import Files
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus match`.
  package struct Match: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Streams metadata of videos and keeps the rows whose hashtags have labels, as an index or a manifest.")

    @Argument(help: ArgumentHelp("Files .jsonl, .csv or .tsv, also .gz, .zst or .lz4.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("Label file.", valueName: "file"))
    var labels: String

    @Option(help: ArgumentHelp("The manifest to write, for `corpus build`.", valueName: "file"))
    var output: String?

    @Option(
      help: ArgumentHelp(
        "Directory for an index whose videos nobody has opened. The same call goes on with an unfinished one.",
        valueName: "dir"))
    var index: String?

    @Option(
      help: ArgumentHelp(
        "Where rows go that cannot be read, and those that are there twice; beside the output by default.",
        valueName: "file"))
    var rejects: String?

    @Option(help: "Seed of the order of videos, of the validation split and of the choice among several labels.")
    var seed: UInt64 = 0

    @Option(help: "Labels with fewer videos to train on are dropped from the index; the paper's is 50.")
    var minimum = 0

    @Option(help: "Threads that match; one a core by default.")
    var workers: Int?

    @OptionGroup var fields: MetadataFieldOptions

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      guard (output == nil) != (index == nil) else { throw ValidationError("give --index DIR or --output FILE") }
      if minimum < 0 { throw ValidationError("--minimum must be at least 0") }
      if minimum > 0, index == nil { throw ValidationError("--minimum is for --index; give it to `corpus build`") }
      if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      try OutputPlaces.requireOthers(
        [("--output", output), ("--rejects", rejects ?? output.map { "\($0).rejects" })],
        reading: files + [labels] + (index.map { ["\($0)/\(Corpus.fileName)"] } ?? []))
      let list = try LabelList.read(path: labels)
      let warnings = list.warnings
      for warning in warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
      let pass = try MatchingPass(list, names: fields.names, paths: files)
      let notes = RejectNotes()
      let progress = ProgressBar()
      let workers = workers ?? ProcessInfo.processInfo.activeProcessorCount
      if let index {
        let report = try MatchedIndex.write(
          to: index, pass, labels: list, names: fields.names, seed: seed, minimumVideos: minimum, workers: workers,
          rejects: rejects ?? "\(index)/rejects.txt", rejected: notes.note,
          progress: { noun, fraction, count in progress.show(count, noun, fraction: fraction) })
        try json.print(Warned(report: report, warnings: warnings), text: describe(report, index))
      } else if let output {
        let report = try MatchedManifest.write(
          pass, to: output, rejects: rejects ?? "\(output).rejects", workers: workers, rejected: notes.note,
          progress: { fraction, count in progress.show(count, "rows", fraction: fraction) })
        try json.print(
          Warned(report: report, warnings: warnings),
          text: "\(output): \(report.matched) of \(report.rows) rows have labels; \(report.rejected) could not be read")
      }
    }

    /// A report with what `LabelList.warnings` says.
    private struct Warned<Report: Encodable>: Encodable {
      let report: Report
      let warnings: [String]

      private enum CodingKeys: String, CodingKey { case warnings }

      func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(warnings, forKey: .warnings)
      }
    }

    private func describe(_ report: MatchedIndex.Report, _ index: String) -> String {
      let splits = Split.allCases.map { "\($0) \(report.splits[$0.rawValue] ?? 0)" }.joined(separator: ", ")
      return """
        \(index): \(report.videos) videos (\(splits)) of \(report.labels) labels, \(report.labelsDropped) with fewer videos dropped
        \(report.matched) of \(report.rows) rows have labels; \(report.duplicates) were there before, \(report.dropped) had dropped \
        labels only; \(report.rejected) could not be read
        fingerprint \(report.fingerprint)
        """
    }
  }

  /// `sluice corpus probe`.
  package struct Probe: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Opens the videos of a matched index, or of a subset of it, and writes an index to train on.",
      discussion: "After an interruption the same call goes on where it was.")

    @Argument(help: ArgumentHelp("Directory of an index that `corpus match --index` made.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Directory for the new index.", valueName: "dir"))
    var output: String

    @Option(help: ArgumentHelp("Only the videos of a subset's file.", valueName: "file"))
    var subset: String?

    @Option(help: "Probing threads; one a core by default.")
    var workers: Int?

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
    }

    package func run() async throws {
      let progress = ProgressBar()
      let report = try CorpusBuilder.probe(
        Corpus(directory: directory, subset: subset), to: output, workers: workers, warn: RejectNotes().note,
        progress: { progress.show($0, of: $1, "videos") })
      for warning in report.warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
      try json.print(report, text: Build.describe(report, output))
    }
  }
}

/// What the fields of metadata are called.
package struct MetadataFieldOptions: ParsableArguments {
  @Option(help: "Key or column of a video's path or URL, or of its tar shard.")
  package var fileField = "file"

  @Option(help: "Key or column of its hashtags: a list, or a text with space, comma, ; or | between them.")
  package var hashtagsField = "hashtags"

  @Option(help: "Key or column of the second at which its segment starts; may be missing, as all that follow.")
  package var startField = "start"

  @Option(help: "Key or column of the second at which its segment ends.")
  package var endField = "end"

  @Option(help: "Key or column of the file's length in seconds.")
  package var durationField = "duration"

  @Option(help: "Key or column of a video's name in its tar shard.")
  package var memberField = "member"

  @Option(help: "Key or column of its first byte in the shard.")
  package var offsetField = "offset"

  @Option(help: "Key or column of its number of bytes; without an offset, of the file's.")
  package var bytesField = "bytes"

  @Option(help: "Key or column of its split: train, validation or test.")
  package var splitField = "split"

  package init() {}

  var names: MetadataNames {
    var names = MetadataNames()
    (names.file, names.hashtags, names.start, names.end) = (fileField, hashtagsField, startField, endField)
    (names.duration, names.member, names.offset, names.bytes) = (durationField, memberField, offsetField, bytesField)
    names.split = splitField
    return names
  }
}
