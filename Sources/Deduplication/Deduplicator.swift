package import Corpus

/// Finds the videos to train on that show what a target's videos show.
package struct Deduplicator: Sendable {
  /// A video and the target's video that is nearest to it.
  package struct Pair: Sendable, Encodable {
    package let file: String
    package let target: String
    package let targetFile: String
    /// Of hashes see ``TargetIndex/Match``; of features the cosine distance, 1 less the cosine.
    package let distance: Double
    package let mirrored: Bool
    package let dropped: Bool
    /// Where the frames are that are nearest.
    package let seconds: Float
    package let targetSeconds: Float

    /// Row of the video in its index.
    let id: Int
    let path: String
    let targetPath: String

    private enum CodingKeys: String, CodingKey {
      case file, target, distance, mirrored, dropped, seconds
      case targetFile = "target_file"
      case targetSeconds = "target_seconds"
    }
  }

  package struct Report: Sendable, Encodable {
    package let videos: Int
    package let targets: Int
    package let distance: Double
    package let dropped: Int
    /// Videos to train on and of the targets without a descriptor: not decoded, nothing but even frames, or without features. They
    /// are kept.
    package let withoutDescriptors: Int
    package let targetsWithoutDescriptors: Int
    /// Hashes or rows of features.
    package let descriptors: Int
    package let targetDescriptors: Int

    private enum CodingKeys: String, CodingKey {
      case videos, targets, distance, dropped, descriptors
      case withoutDescriptors = "without_descriptors"
      case targetsWithoutDescriptors = "targets_without_descriptors"
      case targetDescriptors = "target_descriptors"
    }
  }

  /// What a search found, by descriptors of any kind.
  struct Search {
    struct Match {
      let row: Int
      let target: TargetVideo
      let distance: Double
      let isMirrored: Bool
      /// Since the start of the segments.
      let seconds: Float
      let targetSeconds: Float
    }

    var matches: [Match] = []
    /// Videos to train on and of the targets that have descriptors.
    var described = 0
    var targetsDescribed = 0
    var descriptors = 0
    var targetDescriptors = 0
  }

  /// A video of one of the targets.
  struct TargetVideo {
    /// Number of the target.
    let target: Int
    let row: Int
  }

  let corpus: Corpus
  let targets: [Corpus]
  let splits: [Split]
  let workers: Int

  /// - Parameters:
  ///   - targets: other indices than the corpus, each once.
  ///   - splits: of the targets' videos.
  /// - Throws: `targets` for the corpus itself and for a target that is there twice.
  package init(
    _ corpus: Corpus, against targets: [Corpus], splits: [Split] = Split.allCases, workers: Int
  ) throws(DeduplicationError) {
    (self.corpus, self.targets, self.splits, self.workers) = (corpus, targets, splits, workers)
    var seen: [String: Corpus] = [:]
    for target in targets {
      guard target.fingerprint != corpus.fingerprint else {
        throw DeduplicationError(
          .targets,
          "\(target.directory): has the index of \(corpus.directory) itself, all of whose videos it would leave out; give a target"
        )
      }
      if let other = seen.updateValue(target, forKey: target.fingerprint) {
        throw DeduplicationError(
          .targets, "\(target.directory): has the same index as \(other.directory); give each target once")
      }
    }
  }

  /// - Parameter distance: matches at this distance or less are dropped.
  /// - Returns: the report, and the pairs by rising distance.
  func report(_ search: Search, distance: Double) throws -> (report: Report, pairs: [Pair]) {
    var pairs: [Pair] = []
    for match in search.matches {
      let video = try corpus.video(row: match.row)
      let target = targets[match.target.target]
      let other = try target.video(row: match.target.row)
      pairs.append(
        Pair(
          file: video.file, target: target.directory, targetFile: other.file, distance: match.distance,
          mirrored: match.isMirrored, dropped: match.distance <= distance,
          seconds: match.seconds + Self.start(video), targetSeconds: match.targetSeconds + Self.start(other),
          id: video.id, path: video.path, targetPath: other.path))
    }
    pairs.sort { ($0.distance, $0.id) < ($1.distance, $1.id) }
    let videos = Self.count(corpus, [.train])
    let others = targets.reduce(0) { $0 + Self.count($1, splits) }
    let report = Report(
      videos: videos, targets: others, distance: distance, dropped: pairs.count(where: \.dropped),
      withoutDescriptors: videos - search.described, targetsWithoutDescriptors: others - search.targetsDescribed,
      descriptors: search.descriptors, targetDescriptors: search.targetDescriptors)
    return (report, pairs)
  }

  /// The subset of all videos to train on but those dropped.
  ///
  /// - Throws: `empty` if nothing is left.
  package func subset(without pairs: [Pair], of report: Report) throws -> Subset {
    let dropped = pairs.filter(\.dropped).map(\.id).sorted()
    let limit = Int(exactly: report.distance).map(String.init) ?? String(report.distance)
    guard dropped.isEmpty || dropped.count < report.videos else {
      throw DeduplicationError(
        .empty,
        "\(corpus.directory): all \(dropped.count) videos to train on are copies within \(limit) of a target's, nothing is left; look "
          + "at --pairs and --sheet, and give a smaller --distance")
    }
    return try corpus.subset(SubsetRecipe(without: dropped))
  }

  private static func count(_ corpus: Corpus, _ splits: [Split]) -> Int {
    corpus.rows(splits: splits).reduce(0) { $0 + $1.count }
  }

  private static func start(_ video: VideoRecord) -> Float {
    video.framesPerSecond > 0 ? Float(Double(video.startFrame) / video.framesPerSecond) : 0
  }
}
