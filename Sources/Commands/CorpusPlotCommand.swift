package import ArgumentParser
internal import Corpus
internal import Files
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus plot`.
  package struct Plot: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Draws the cumulative distribution of videos to train on per label.")

    @Argument(
      help: ArgumentHelp(
        "Directories with corpus.sqlite, or DIR=FILE.subset for a subset; a line each.", valueName: "dir"))
    var corpora: [String]

    @Option(help: ArgumentHelp("The picture, .svg or .png.", valueName: "file"))
    var output: String

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if !["svg", "png"].contains((output as NSString).pathExtension) {
        throw ValidationError("--output must end in .svg or .png")
      }
    }

    /// Directory and subset's file. A directory's name may have `=` in it, too.
    private static func parts(_ name: String) throws -> (directory: String, subset: String?) {
      let pairs = name.indices.filter { name[$0] == "=" }.map { (String(name[..<$0]), String(name[$0...].dropFirst())) }
      let pair = Directory.isThere(name) ? nil : pairs.first { Directory.isThere($0.0) } ?? pairs.first
      let (directory, subset) = pair.map { ($0.0, Optional($0.1)) } ?? (name, nil)
      guard !directory.isEmpty, subset != "" else {
        throw ValidationError("`\(name)`: give a directory, or DIR=FILE.subset")
      }
      return (directory, subset)
    }

    private struct Result: Encodable {
      let output: String
      let labels: [Int]
    }

    package func run() async throws {
      let series = try corpora.map { name -> (name: String, counts: [Int]) in
        let (directory, subset) = try Self.parts(name)
        let corpus = try Corpus(directory: directory, subset: subset)
        return (((subset ?? directory) as NSString).lastPathComponent, corpus.counts(split: .train))
      }
      let figure = LabelDistribution(series).figure
      let bytes = (output as NSString).pathExtension == "svg" ? Array(figure.svg.utf8) : try figure.png()
      try OutputFile.replace(output, with: bytes)
      try json.print(Result(output: output, labels: series.map(\.counts.count)), text: output)
    }
  }
}
