package import ArgumentParser
internal import Corpus
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus match`.
  package struct Match: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Streams metadata of videos and keeps the rows whose hashtags have labels, as a manifest.")

    @Argument(help: ArgumentHelp("Files .jsonl, .csv or .tsv, also .gz, .zst or .lz4.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("Label file.", valueName: "file"))
    var labels: String

    @Option(help: ArgumentHelp("The manifest to write.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("Where rows go that cannot be read.", valueName: "file"))
    var rejects: String?

    @Option(help: "Key or column of a video's path or URL.")
    var fileField = "file"

    @Option(help: "Key or column of its hashtags: a list, or a text with space, comma, ; or | between them.")
    var hashtagsField = "hashtags"

    @Option(help: "Key or column of the second at which its segment starts; may be missing.")
    var startField = "start"

    @Option(help: "Key or column of the second at which its segment ends; may be missing.")
    var endField = "end"

    @OptionGroup var json: JSONOutput

    package init() {}

    package func run() async throws {
      var names = MetadataMatcher.Names()
      (names.file, names.hashtags, names.start, names.end) = (fileField, hashtagsField, startField, endField)
      var matcher = MetadataMatcher(try LabelList.read(path: labels), names: names)
      var shown = 0
      try matcher.writeManifest(of: files, to: output, rejects: rejects) { place, reason in
        shown += 1
        if shown <= 10 { FileHandle.standardError.write(Data("warning: \(place): \(reason)\n".utf8)) }
      }
      let report = matcher.report
      try json.print(
        report,
        text: "\(output): \(report.matched) of \(report.rows) rows have labels; \(report.rejected) could not be read")
    }
  }
}
