package import ArgumentParser
import Corpus
import Foundation
import Pipeline

/// `sluice predict`: the likeliest labels of videos.
package struct PredictCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "predict", abstract: "Say what is seen in videos, with trained weights.")

  @Argument(help: "Videos: files, SHARD.tar#MEMBER or URLs.")
  var videos: [String]

  @Option(help: "A weights file, or a run's directory.")
  var weights: String

  @Option(help: "Labels to show for each video.")
  var top = 5

  @Option(help: "Uniformly spaced clips of each video.")
  var clips = 10

  @OptionGroup var json: JSONOutput

  package init() {}

  private struct Prediction: Encodable {
    struct Label: Encodable {
      var label: String
      var score: Float
    }
    var video: String
    var labels: [Label]
  }

  /// A video that cannot be read.
  private struct Skipped: Encodable {
    var video: String
    var reason: String
  }

  private struct Report: Encodable {
    var predictions: [Prediction]
    var skipped: [Skipped]
  }

  package func validate() throws {
    guard top > 0, clips > 0 else { throw ValidationError("--top and --clips take numbers from 1") }
  }

  package func run() async throws {
    let model = try TrainedModel(path: weights)
    let classifier = try VideoClassifier(model, clips: clips)
    var predictions: [Prediction] = []
    var skipped: [Skipped] = []
    for video in videos {
      let scores: [Float]
      do {
        scores = try classifier.scores(path: Shards.located(video))
      } catch let failure as ClipFailure {
        skipped.append(Skipped(video: video, reason: failure.reason))
        continue
      } catch let error as CorpusError {
        skipped.append(Skipped(video: video, reason: error.message))
        continue
      }
      let order = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
      predictions.append(
        Prediction(
          video: video,
          labels: order.prefix(top).map { Prediction.Label(label: model.labels[$0], score: scores[$0]) }))
    }
    let text = predictions.map { prediction in
      ([prediction.video]
        + prediction.labels.map { "  \(RunSummary.fixed(100 * Double($0.score), 1).leftPadded(to: 5)) %  \($0.label)" })
        .joined(separator: "\n")
    }.joined(separator: "\n")
    if json.json || !predictions.isEmpty {
      try json.print(Report(predictions: predictions, skipped: skipped), text: text)
    }
    guard skipped.isEmpty else {
      throw PipelineError(.configuration, skipped.map(\.reason).joined(separator: "\n"))
    }
  }
}
