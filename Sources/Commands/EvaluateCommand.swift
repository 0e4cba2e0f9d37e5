package import ArgumentParser
import Corpus
import Foundation
import Pipeline
import Video

/// `sluice evaluate`: accuracy of trained weights on a split, without a topology.
package struct EvaluateCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Evaluate trained weights on a split of a corpus.")

  @Argument(help: "A run's directory, or a weights file.")
  var weights: String

  @Option(help: "The corpus' directory. (default: the one the weights were trained on)")
  var corpus: String?

  @Option(help: "The subset the weights were trained on, if it left out labels.")
  var subset: String?

  @Option(help: "train, validation or test.")
  var split = "validation"

  @Option(help: "Uniformly spaced clips of each video.")
  var clips = 10

  @Option(
    help: "center: the training crop in the middle; full: the largest square, the classifier applied at every place.")
  var crop = "center"

  @Option(help: "Scale the short edge to so many pixels instead of the training size.")
  var shortEdge: Int?

  @Option(help: "softmax, sigmoid or logits: what is averaged over clips and places. (default: by the training loss)")
  var average: String?

  @Option(help: "Threads of the network.")
  var threads = 1

  @Option(help: "A file of label pairs, a tab between the two: the choice within each is counted apart.")
  var pairs: String?

  @OptionGroup var json: JSONOutput

  package init() {}

  package func validate() throws {
    guard VideoClassifier.Crop(rawValue: crop) != nil else {
      throw ValidationError("--crop \(crop): give center or full")
    }
    guard clips > 0, threads > 0 else { throw ValidationError("--clips and --threads take numbers from 1") }
    if let average, ClipScores(rawValue: average) == nil {
      throw ValidationError("--average \(average): give softmax, sigmoid or logits")
    }
    guard shortEdge.map({ (8...4096).contains($0) }) ?? true else {
      throw ValidationError("--short-edge takes 8 to 4096 pixels")
    }
    guard Split(rawValue: split) != nil else {
      throw ValidationError("--split \(split): give train, validation or test")
    }
  }

  package func run() async throws {
    var model = try TrainedModel(path: weights)
    if let shortEdge { model.size = .shortEdge(shortEdge) }
    guard let directory = corpus ?? model.corpusDirectory else {
      throw PipelineError(.configuration, "\(weights): its metadata names no corpus; give --corpus DIR")
    }
    let result = try CorpusEvaluator.run(
      model, corpus: Corpus(directory: directory, subset: subset), split: Split(rawValue: split)!, clips: clips,
      crop: VideoClassifier.Crop(rawValue: crop)!, average: average.flatMap { ClipScores(rawValue: $0) },
      threads: threads,
      pairs: try pairs.map(Self.readPairs) ?? [],
      progress: { done, all in if done == all || done.isMultiple(of: 50) { Self.note("\(done)/\(all) videos") } },
      warn: Self.note)
    try json.print(result, text: Self.text(result))
  }

  private static func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  private static func readPairs(_ path: String) throws -> [(String, String)] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw PipelineError(.configuration, "\(path): cannot be read")
    }
    return try text.split(separator: "\n").enumerated().map { number, line in
      let sides = line.split(separator: "\t").map(String.init)
      guard sides.count == 2 else {
        throw PipelineError(.configuration, "\(path):\(number + 1): give two labels with a tab between them")
      }
      return (sides[0], sides[1])
    }
  }

  private static func text(_ result: CorpusEvaluator.Result) -> String {
    var lines = [
      "top-1 \(RunSummary.fixed(100 * result.top1, 1)) %, top-5 \(RunSummary.fixed(100 * result.top5, 1)) %, "
        + "mAP \(RunSummary.fixed(result.map, 3)) on \(result.videos) videos (\(result.protocol))"
    ]
    for label in result.labels {
      lines.append("  \(RunSummary.fixed(100 * label.top1, 0).leftPadded(to: 3)) %  \(label.label) (\(label.videos))")
    }
    for pair in result.pairs {
      lines.append(
        "  \(RunSummary.fixed(100 * pair.correct, 0).leftPadded(to: 3)) %  within \(pair.labels.joined(separator: " | ")) "
          + "(\(pair.videos))")
    }
    for video in result.skipped { lines.append("skipped \(video.reason)") }
    return lines.joined(separator: "\n")
  }
}
