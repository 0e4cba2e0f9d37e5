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
    /// Of the videos of either label: the share for which the right one of the two has the higher score.
    package struct Pair: Codable, Sendable {
      package var labels: [String]
      package var videos: Int
      package var correct: Double
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
    /// The choice within pairs of labels that were asked for.
    package var pairs: [Pair]
    package var skipped: [Skipped]
  }

  /// - Parameters:
  ///   - pairs: labels between which the choice is counted apart.
  ///   - progress: videos done and in all.
  ///   - warn: takes what people should know, a line each.
  /// - Throws: when the label names differ, or no video of the split can be read.
  package static func run(
    _ model: TrainedModel, corpus: Corpus, split: Split, clips: Int, crop: VideoClassifier.Crop = .center,
    average: ClipScores? = nil, threads: Int,
    pairs: [(String, String)] = [], progress: (Int, Int) -> Void, warn: (String) -> Void
  ) throws -> Result {
    guard corpus.labels == model.labels else {
      throw PipelineError(
        .configuration,
        "\(corpus.directory): its \(corpus.labels.count) labels are not the \(model.labels.count) the weights were "
          + "trained for; those of a run on a subset of labels need --subset")
    }
    try corpus.requireProbed()
    let videos = try corpus.videos(split: split)
    guard !videos.isEmpty else {
      throw PipelineError(.configuration, "\(corpus.directory): no video in the split \(split.rawValue)")
    }
    let classifier = try VideoClassifier(model, clips: clips, crop: crop, average: average, threads: threads)
    var scored: [(video: VideoRecord, scores: [Float])] = []
    var skipped: [Result.Skipped] = []
    var changed = ChangedFiles()
    for (index, video) in videos.enumerated() {
      if let warning = changed.warning(of: video.path, modifiedSeconds: video.modifiedSeconds) { warn(warning) }
      do {
        let scores = try classifier.scores(
          path: video.path, indexed: try corpus.indexed(video), segment: video.startFrame..<video.endFrame)
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
    let view = crop == .center ? "centre crop" : "every place of \(classifier.side)x\(classifier.side)"
    var result = summary(
      scored, skipped, corpus: corpus, clips: clips,
      protocol: "\(clips) uniform clips, \(view), \(classifier.average.rawValue) mean")
    result.pairs = try pairs.map { pair in try choice(within: pair, scored, corpus: corpus) }
    return result
  }

  private static func summary(
    _ scored: [(video: VideoRecord, scores: [Float])], _ skipped: [Result.Skipped], corpus: Corpus, clips: Int,
    protocol: String
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
      protocol: `protocol`, labels: labels, pairs: [],
      skipped: skipped)
  }

  private static func choice(
    within pair: (String, String), _ scored: [(video: VideoRecord, scores: [Float])], corpus: Corpus
  ) throws -> Result.Pair {
    let indices = try [pair.0, pair.1].map { name in
      guard let index = corpus.labels.firstIndex(of: name) else {
        throw PipelineError(.configuration, "\(corpus.directory): no label \(name), which a pair names")
      }
      return index
    }
    let own = scored.filter { indices.contains($0.video.label) }
    let correct = own.count { entry in
      let other = entry.video.label == indices[0] ? indices[1] : indices[0]
      return entry.scores[entry.video.label] > entry.scores[other]
    }
    return Result.Pair(
      labels: [pair.0, pair.1], videos: own.count, correct: own.isEmpty ? 0 : Double(correct) / Double(own.count))
  }
}
