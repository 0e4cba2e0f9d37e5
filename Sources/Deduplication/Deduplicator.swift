package import Corpus

/// Finds the videos to train on that show what a target's videos show.
package struct Deduplicator: Sendable {
  /// A video and the target's video that is nearest to it.
  package struct Pair: Sendable, Encodable {
    package let file: String
    package let target: String
    package let targetFile: String
    /// See ``TargetIndex/Match``.
    package let distance: Int
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
    /// Of 256 bits.
    package let distance: Int
    package let dropped: Int
    /// Videos to train on and of the targets without hashes: not decoded, or nothing but even frames. They are kept.
    package let withoutHashes: Int
    package let targetsWithoutHashes: Int
    package let hashes: Int
    package let targetHashes: Int

    private enum CodingKeys: String, CodingKey {
      case videos, targets, distance, dropped, hashes
      case withoutHashes = "without_hashes"
      case targetsWithoutHashes = "targets_without_hashes"
      case targetHashes = "target_hashes"
    }
  }

  /// What `sluice corpus calibrate` gave on synthesized videos; see docs/corpus.md.
  package static let defaultDistance = 32
  /// The largest distance that a match may have.
  package static let farthest = Alignment.farthest

  private let corpus: Corpus
  private let targets: [Corpus]
  private let distance: Int
  private let workers: Int

  /// - Parameter distance: a video with frames at this distance or less goes; see `sluice corpus calibrate`.
  package init(_ corpus: Corpus, against targets: [Corpus], distance: Int, workers: Int) {
    (self.corpus, self.targets, self.distance, self.workers) = (corpus, targets, distance, workers)
  }

  /// - Parameters:
  ///   - progress: what is done, how much of it and of how much; called from several threads, one at a time.
  ///   - failed: a file that could not be decoded, and why.
  /// - Returns: the report, and the pairs by rising distance.
  package func run(
    progress: @escaping @Sendable (_ what: String, _ done: Int, _ all: Int) -> Void,
    failed: (_ file: String, _ reason: String) -> Void
  ) throws -> (report: Report, pairs: [Pair]) {
    var owners: [(corpus: Corpus, record: VideoRecord)] = []
    var targetHashes: [VideoHashes] = []
    for target in targets {
      let hashed = try CorpusHasher.hash(
        target, splits: Split.allCases, as: .target, workers: workers
      ) { progress("hashing \(target.directory)", $0, $1) }
      for failure in hashed.failures { failed(failure.file, failure.reason) }
      let records = try Split.allCases.flatMap { try target.videos(split: $0) }
      let byID = Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) })
      for video in 0..<hashed.hashes.count {
        guard let record = byID[hashed.hashes.id(video)] else { continue }
        owners.append((target, record))
        targetHashes.append(hashed.hashes.hashes(video))
      }
    }
    let index = TargetIndex(targetHashes, workers: workers)
    guard index.count > 0 else { throw DeduplicationError(.empty, "the targets have no video with hashes") }
    let hashed = try CorpusHasher.hash(corpus, splits: [.train], as: .corpus, workers: workers) {
      progress("hashing \(corpus.directory)", $0, $1)
    }
    for failure in hashed.failures { failed(failure.file, failure.reason) }
    let hashes = hashed.hashes
    let found = index.nearest(
      hashes.count, workers: workers, progress: { progress("searching", $0, hashes.count) },
      hashes: { hashes.hashes($0) })
    let records = Dictionary(uniqueKeysWithValues: try corpus.videos(split: .train).map { ($0.id, $0) })
    var pairs: [Pair] = []
    for (video, match) in found.enumerated() {
      guard let match, let record = records[hashes.id(video)] else { continue }
      let owner = owners[match.target]
      pairs.append(
        Pair(
          file: record.file, target: owner.corpus.directory, targetFile: owner.record.file, distance: match.distance,
          mirrored: match.isMirrored, dropped: match.distance <= distance,
          seconds: match.seconds + Self.start(record), targetSeconds: match.targetSeconds + Self.start(owner.record),
          id: record.id, path: record.path, targetPath: owner.record.path))
    }
    pairs.sort { ($0.distance, $0.id) < ($1.distance, $1.id) }
    let report = Report(
      videos: hashes.count, targets: owners.count, distance: distance, dropped: pairs.count(where: \.dropped),
      withoutHashes: (0..<hashes.count).count { hashes.hashes($0).isEmpty },
      targetsWithoutHashes: targetHashes.count(where: \.isEmpty),
      hashes: (0..<hashes.count).reduce(0) { $0 + hashes.hashes($1).hashes.count }, targetHashes: index.count)
    return (report, pairs)
  }

  /// The subset of all videos to train on but those dropped.
  package func subset(without pairs: [Pair]) throws -> Subset {
    try corpus.subset(SubsetRecipe(without: pairs.filter(\.dropped).map(\.id).sorted()))
  }

  private static func start(_ video: VideoRecord) -> Float {
    video.framesPerSecond > 0 ? Float(Double(video.startFrame) / video.framesPerSecond) : 0
  }
}
