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

    private struct Result: Encodable {
      let output: String
      let labels: [Int]
    }

    package func run() async throws {
      let series = try corpora.map { name -> (name: String, counts: [Int]) in
        let parts = name.split(separator: "=", maxSplits: 1).map(String.init)
        let corpus = try Corpus(directory: parts[0], subset: parts.count > 1 ? parts[1] : nil)
        return ((parts[parts.count - 1] as NSString).lastPathComponent, corpus.counts(split: .train))
      }
      let figure = LabelDistribution(series).figure
      let bytes = (output as NSString).pathExtension == "svg" ? Array(figure.svg.utf8) : try figure.png()
      try OutputFile.replace(output, with: bytes)
      try json.print(Result(output: output, labels: series.map(\.counts.count)), text: output)
    }
  }
}
