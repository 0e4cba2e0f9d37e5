package import Corpus
internal import Foundation
internal import Synchronization
package import Synthesis
internal import Tensors

/// Chooses the distance up to which a video counts as a copy: from copies made of a target's videos, and from unrelated videos.
package struct Calibration: Sendable, Encodable {
  /// The smallest distance with the recall asked for, or the one to be rated, of 256 bits.
  package let distance: Int
  package let copies: Int
  /// Share of the copies within `distance` of what they are of.
  package let recall: Double
  package let recallByKind: [String: Double]
  package let unrelated: Int
  /// Share of the unrelated videos within `distance` of anything in the target.
  package let unrelatedShare: Double
  /// Videos of the target that were looked for among the others, and the share of them within `distance` of one.
  package let siblings: Int
  package let siblingShare: Double
  /// Videos of the target.
  package let targets: Int
  /// The distance that nine tenths of the copies, and one in a hundred of the unrelated videos, do not exceed; nil where there
  /// are no frames alike.
  package let copiesNinetiethPercentile: Int?
  package let unrelatedFirstPercentile: Int?

  private enum CodingKeys: String, CodingKey {
    case distance, copies, recall, unrelated, siblings, targets
    case siblingShare = "sibling_share"
    case recallByKind = "recall_by_kind"
    case unrelatedShare = "unrelated_share"
    case copiesNinetiethPercentile = "copies_ninetieth_percentile"
    case unrelatedFirstPercentile = "unrelated_first_percentile"
  }

  /// - Parameters:
  ///   - target: its videos, all splits, are what is searched.
  ///   - unrelated: an index whose videos to train on show nothing of the target's.
  ///   - videos: number of the target's videos of which copies are made, one of each kind; only those count that have hashes.
  ///   - recall: share of the copies to be found.
  ///   - distance: to be rated; nil to choose the smallest with that recall.
  ///   - directory: for the copies, each removed when it is hashed.
  ///   - warn: gets a file and what is wrong with it, such as a copy that cannot be made; it is left out.
  /// - Throws: `targets` for an unrelated index that is the target's, `empty` without a copy, and if not even the largest distance finds so many.
  package static func run(
    target: Corpus, unrelated: Corpus, videos: Int, recall: Double, distance: Int? = nil, seed: UInt64, workers: Int,
    directory: String,
    progress: @escaping @Sendable (_ what: String, _ done: Int, _ all: Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> Calibration {
    for corpus in [target, unrelated] { try corpus.requireProbed() }
    guard target.fingerprint != unrelated.fingerprint else {
      throw DeduplicationError(
        .targets, "\(unrelated.directory): has the target's own index; give one that shows nothing of the target's")
    }
    let hashed = try CorpusHasher.hash(
      target, as: .target, workers: workers, progress: { progress("hashing \(target.directory)", $0, $1) }, warn: warn
    ).hashes
    let others = try CorpusHasher.hash(
      unrelated, as: .corpus, workers: workers, progress: { progress("hashing \(unrelated.directory)", $0, $1) },
      warn: warn
    ).hashes
    let index = TargetIndex((0..<hashed.count).map { hashed.hashes($0) }, workers: workers)
    let sources = try Self.sources(of: target, hashed: hashed, count: videos, seed: seed)
    guard !sources.isEmpty else {
      throw DeduplicationError(.empty, "\(target.directory): no video has hashes, so there is none to make copies of")
    }
    var copies: [(kind: Reupload, distance: Int?)] = []
    let found = distances(of: sources, in: index, workers: workers, directory: directory) {
      progress("copying", $0, $1)
    }
    for (source, found) in zip(sources, found) {
      switch found {
      case .success(let distance): copies.append((source.kind, distance))
      case .failure(let error): warn(source.video.path, "no copy of it (\(source.kind.rawValue)) can be made: \(error)")
      }
    }
    guard !copies.isEmpty else {
      throw DeduplicationError(.empty, "\(target.directory): not one copy of its videos can be made in \(directory)")
    }
    let strangers = index.nearest(
      others.count, workers: workers, progress: { progress("searching", $0, others.count) },
      hashes: { others.hashes($0) }
    ).map { $0?.distance }
    // The target's own videos, each among the others.
    let order = FeistelPermutation(count: hashed.count, key: CounterRandom.key(seed: seed, [0xCA11]))
    let siblings = index.nearest(
      min(hashed.count, Self.mostSiblings), workers: workers, excluding: { order($0) },
      hashes: { hashed.hashes(order($0)).thinned }
    ).map { $0?.distance }
    return try Calibration(
      copies: copies, strangers: strangers, siblings: siblings, recall: recall, distance: distance,
      targets: hashed.count)
  }

  /// - Parameters:
  ///   - copies: how far each is from what it is of; nil where there are no frames alike.
  ///   - strangers: how far each is from anything.
  ///   - siblings: how far videos of the target are from the others of it.
  ///   - distance: to be rated; nil to choose one.
  package init(
    copies: [(kind: Reupload, distance: Int?)], strangers: [Int?], siblings: [Int?], recall: Double,
    distance given: Int? = nil, targets: Int
  ) throws(DeduplicationError) {
    func share(_ distances: [Int?], within distance: Int) -> Double {
      Double(distances.count { $0 ?? .max <= distance }) / Double(max(distances.count, 1))
    }
    func percentile(_ distances: [Int?], _ part: Double) -> Int? {
      let sorted = distances.map { $0 ?? .max }.sorted()
      let value = sorted.isEmpty ? .max : sorted[Int(Double(sorted.count - 1) * part)]
      return value == .max ? nil : value
    }
    let all = copies.map(\.distance)
    guard let distance = given ?? (0...Alignment.farthest).first(where: { share(all, within: $0) >= recall }) else {
      throw DeduplicationError(
        .empty,
        "only \((share(all, within: Alignment.farthest) * 1000).rounded(.down) / 1000) of the copies are found at any distance; "
          + "ask for less with --recall")
    }
    self.distance = distance
    self.copies = copies.count
    self.recall = share(all, within: distance)
    let kinds = Dictionary(grouping: copies) { $0.kind.rawValue }
    recallByKind = kinds.mapValues { share($0.map(\.distance), within: distance) }
    unrelated = strangers.count
    unrelatedShare = share(strangers, within: distance)
    self.siblings = siblings.count
    siblingShare = share(siblings, within: distance)
    self.targets = targets
    copiesNinetiethPercentile = percentile(all, 0.9)
    unrelatedFirstPercentile = percentile(strangers, 0.01)
  }

  private static let mostSiblings = 2000

  private struct Source {
    /// Number among the target's hashed videos.
    let number: Int
    let video: VideoRecord
    let kind: Reupload
    let seed: UInt64
  }

  private static func sources(
    of target: Corpus, hashed: HashFile, count: Int, seed: UInt64
  ) throws(CorpusError) -> [Source] {
    var records: [Int: VideoRecord] = [:]
    for split in Split.allCases { for video in try target.videos(split: split) { records[video.id] = video } }
    let order = FeistelPermutation(count: hashed.count, key: CounterRandom.key(seed: seed, [0xCA11]))
    // What could not be decoded, or shows nothing but even frames, can be found by nobody.
    let described = (0..<hashed.count).lazy.map { order($0) }.filter { hashed.frameCount($0) > 0 }.prefix(count)
    return described.flatMap { number in
      guard let video = records[hashed.id(number)] else { return [Source]() }
      return Reupload.allCases.enumerated().map { kind, reupload in
        Source(
          number: number, video: video, kind: reupload,
          seed: CounterRandom.key(seed: seed, [UInt64(number), UInt64(kind)]))
      }
    }
  }

  /// Of each source makes a copy, hashes and removes it, and looks for what it is of.
  private static func distances(
    of sources: [Source], in index: TargetIndex, workers: Int, directory: String,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) -> [Result<Int?, any Error>] {
    let state = Mutex((done: 0, found: [Result<Int?, any Error>?](repeating: nil, count: sources.count)))
    WorkerPool(threads: workers).run(sources.count) { place, _ in
      let source = sources[place]
      let path = "\(directory)/\(place).mp4"
      let found = Result<Int?, any Error> {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try source.kind.write(
          source.video.path, frames: source.video.startFrame..<source.video.endFrame, seed: source.seed, to: path)
        let frames = try VideoHasher.hashes(path: path, role: .corpus)
        return index.matches(frames).first { $0.target == source.number }?.distance
      }
      state.withLock { state in
        state.found[place] = found
        state.done += 1
        progress(state.done, sources.count)
      }
    }
    return state.withLock { $0.found.compactMap(\.self) }
  }
}
