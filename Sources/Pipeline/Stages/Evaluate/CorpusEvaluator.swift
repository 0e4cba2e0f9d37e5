package import Corpus
import Networks

/// Evaluates a trained model on a split of a corpus, without a topology.
package struct CorpusEvaluator {
  package struct Result: Codable, Sendable {
    package struct Label: Codable, Sendable {
      package var label: String
      package var videos: Int
      package var top1: Double
    }
    package struct Skipped: Codable, Sendable {
      package var video: String
      package var reason: String
    }
    package var videos: Int
    package var clips: Int
    package var top1: Double
    package var top5: Double
    package var map: Double
    package var `protocol`: String
    package var labels: [Label]
    package var skipped: [Skipped]
  }

  /// - Parameters:
  ///   - progress: videos done and in all.
  /// - Throws: when the label names differ, or no video of the split can be read.
  package static func run(
    _ model: TrainedModel, corpus: Corpus, split: Split, clips: Int, average: VideoClassifier.Average, threads: Int,
    progress: (Int, Int) -> Void
  ) throws -> Result {
    guard corpus.labels == model.labels else {
      throw PipelineError(
        .configuration,
        "\(corpus.directory): its \(corpus.labels.count) labels are not the \(model.labels.count) the weights were "
          + "trained for")
    }
    let videos = try corpus.videos(split: split)
    guard !videos.isEmpty else {
      throw PipelineError(.configuration, "\(corpus.directory): no video in the split \(split.rawValue)")
    }
    let classifier = try VideoClassifier(model, clips: clips, average: average, threads: threads)
    var scored: [(video: VideoRecord, scores: [Float])] = []
    var skipped: [Result.Skipped] = []
    for (index, video) in videos.enumerated() {
      do {
        let scores = try classifier.scores(path: video.path, segment: video.startFrame..<video.endFrame)
        scored.append((video, scores))
      } catch let failure as ClipFailure {
        skipped.append(Result.Skipped(video: video.path, reason: failure.reason))
      }
      progress(index + 1, videos.count)
    }
    guard !scored.isEmpty else {
      throw PipelineError(
        .configuration, "\(corpus.directory): no video of \(split.rawValue) can be read: \(skipped[0].reason)")
    }
    return summary(scored, skipped, corpus: corpus, clips: clips, average: average)
  }

  private static func summary(
    _ scored: [(video: VideoRecord, scores: [Float])], _ skipped: [Result.Skipped], corpus: Corpus, clips: Int,
    average: VideoClassifier.Average
  ) -> Result {
    let ranks = scored.map { Metrics.rank(of: $0.video.label, in: $0.scores) }
    func share(below limit: Int) -> Double { Double(ranks.count { $0 < limit }) / Double(ranks.count) }
    let labels = corpus.labels.enumerated().compactMap { index, name -> Result.Label? in
      let own = zip(scored, ranks).filter { $0.0.video.label == index }.map(\.1)
      guard !own.isEmpty else { return nil }
      return Result.Label(label: name, videos: own.count, top1: Double(own.count { $0 == 0 }) / Double(own.count))
    }
    return Result(
      videos: scored.count, clips: clips, top1: share(below: 1), top5: share(below: 5),
      map: Metrics.meanAveragePrecision(scores: scored.map(\.scores), labels: scored.map(\.video.labels)),
      protocol: "\(clips) uniform clips, centre crop, \(average.rawValue) mean", labels: labels, skipped: skipped)
  }
}
