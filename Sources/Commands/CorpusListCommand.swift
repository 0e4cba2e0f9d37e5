package import ArgumentParser
internal import Corpus
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus list`.
  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Prints the videos of an index with their rows, a JSON object a line.")

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Option(help: "Only those of a split: train, validation or test.")
    var split: Split?

    package init() {}

    package func run() async throws {
      let corpus = try Corpus(directory: directory)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      for split in split.map({ [$0] }) ?? Split.allCases {
        var videos = VideoCursor(corpus, splits: [split])
        while let video = try videos.next() {
          let line = Line(
            row: video.id, split: split.rawValue, label: corpus.labels[video.label], file: video.file, path: video.path,
            startFrame: video.startFrame,
            // Nobody knows where a video ends that nobody has opened, and of which the metadata has no length.
            endFrame: corpus.isProbed || video.framesPerSecond > 0 ? video.endFrame : nil,
            framesPerSecond: video.framesPerSecond)
          print(String(decoding: try encoder.encode(line), as: UTF8.self))
        }
      }
    }

    private struct Line: Encodable {
      let row: Int
      let split: String
      let label: String
      let file: String
      let path: String
      let startFrame: Int
      let endFrame: Int?
      let framesPerSecond: Double

      private enum CodingKeys: String, CodingKey {
        case row, split, label, file, path
        case startFrame = "start_frame"
        case endFrame = "end_frame"
        case framesPerSecond = "frames_per_second"
      }
    }
  }
}

extension Split: ExpressibleByArgument {}
