internal import Corpus

extension Deduplicator {
  /// Of 256 bits: what `sluice corpus calibrate` gave on synthesized videos; see docs/corpus.md.
  package static let defaultDistance = 24
  /// The largest distance of hashes that a match may have.
  package static let farthest = Alignment.farthest

  /// Compares hashes of frames, which are made if they are not there.
  ///
  /// - Parameters:
  ///   - distance: a video with frames at this distance or less goes; see `sluice corpus calibrate`.
  ///   - progress: what is done, how much of it and of how much; called from several threads, one at a time.
  ///   - warn: gets a file and what is wrong with it, such as one that could not be decoded.
  /// - Returns: the report, and the pairs by rising distance: all videos with frames alike.
  package func byHashes(
    distance: Int, progress: @escaping @Sendable (_ what: String, _ done: Int, _ all: Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> (report: Report, pairs: [Pair]) {
    for corpus in targets + [corpus] { try corpus.requireProbed() }
    var search = Search()
    var owners: [TargetVideo] = []
    var targetHashes: [VideoHashes] = []
    for (number, target) in targets.enumerated() {
      let hashes = try CorpusHasher.hash(
        target, as: .target, workers: workers, progress: { progress("hashing \(target.directory)", $0, $1) },
        warn: warn
      ).hashes
      let rows = target.rows(splits: splits)
      for video in 0..<hashes.count where rows.contains(where: { $0.contains(hashes.id(video)) }) {
        owners.append(TargetVideo(target: number, row: hashes.id(video)))
        targetHashes.append(hashes.hashes(video))
      }
    }
    let index = TargetIndex(targetHashes, workers: workers)
    search.targetDescriptors = index.count
    search.targetsDescribed = targetHashes.count { !$0.isEmpty }
    guard index.count > 0 else {
      throw DeduplicationError(
        .empty, "\(targets.map(\.directory).joined(separator: ", ")): no video with hashes to compare with")
    }
    let hashes = try CorpusHasher.hash(
      corpus, as: .corpus, workers: workers, progress: { progress("hashing \(corpus.directory)", $0, $1) }, warn: warn
    ).hashes
    search.descriptors = hashes.hashCount
    search.described = (0..<hashes.count).count { hashes.frameCount($0) > 0 }
    let found = index.nearest(
      hashes.count, workers: workers, progress: { progress("searching", $0, hashes.count) },
      hashes: { hashes.hashes($0) })
    for (video, match) in found.enumerated() {
      guard let match else { continue }
      search.matches.append(
        Search.Match(
          row: hashes.id(video), target: owners[match.target], distance: Double(match.distance),
          isMirrored: match.isMirrored, seconds: match.seconds, targetSeconds: match.targetSeconds))
    }
    return try report(search, distance: Double(distance))
  }
}
