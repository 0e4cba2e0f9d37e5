internal import Corpus

/// `bench duplicates`: the speed of searching hashes of videos among a target's.
package struct HashBenchmark: Sendable {
  package struct Result: Sendable, Encodable {
    package let hashes: Int
    package let targets: Int
    package let targetHashes: Int
    package let secondsToIndex: Double
    package let secondsToSearch: Double
    /// Copies among the videos, and those of them found; others within the default distance.
    package let copies: Int
    package let found: Int
    package let wrong: Int
    /// Of the process, with the videos that were made up; whoever runs the benchmark says it.
    package var peakResidentBytes = 0

    private enum CodingKeys: String, CodingKey {
      case hashes, targets, copies, found, wrong
      case targetHashes = "target_hashes"
      case secondsToIndex = "seconds_to_index"
      case secondsToSearch = "seconds_to_search"
      case peakResidentBytes = "peak_rss_bytes"
    }
  }

  /// Seconds of each video.
  private static let length = 10
  /// One video in so many is a copy.
  private static let copyInterval = 100

  private let hashes: Int
  private let targets: Int
  private let seed: UInt64
  private let workers: Int

  /// - Parameters:
  ///   - hashes: to search for; each is searched for mirrored, too.
  ///   - targets: videos to search in.
  package init(hashes: Int, targets: Int, seed: UInt64, workers: Int) {
    (self.hashes, self.targets, self.seed, self.workers) = (hashes, targets, seed, workers)
  }

  /// Videos of ten seconds whose hashes wander: random at first, then a few bits change from frame to frame; a target's windows differ by
  /// a few bits from the whole. Copies differ from what they are of in a tenth of the bits.
  package func run() -> Result {
    let all = (0..<targets).map { target($0) }
    let clock = ContinuousClock()
    let start = clock.now
    let index = TargetIndex(all, workers: workers)
    let indexed = clock.now
    let videos = max(1, hashes / (Self.length * Int(HashRole.corpus.rate)))
    let found = index.nearest(videos, workers: workers) { query($0, among: all) }
    let searched = clock.now
    let copies = Set(stride(from: 0, to: videos, by: Self.copyInterval))
    return Result(
      hashes: videos * Self.length * Int(HashRole.corpus.rate), targets: targets, targetHashes: index.count,
      secondsToIndex: (indexed - start) / .seconds(1), secondsToSearch: (searched - indexed) / .seconds(1),
      copies: copies.count, found: copies.count { found[$0]?.target == $0 % targets },
      wrong: found.indices.count { !copies.contains($0) && found[$0]?.distance ?? .max <= Deduplicator.defaultDistance }
    )
  }

  private func query(_ number: Int, among targets: [VideoHashes]) -> VideoHashes {
    guard number.isMultiple(of: Self.copyInterval) else { return target(self.targets + number).thinned }
    var random = CounterRandom(seed: seed, 1, UInt64(number))
    let source = targets[number % targets.count].thinned
    return VideoHashes(
      regions: 1, seconds: source.seconds,
      hashes: source.hashes.map { Self.changed($0, bits: FrameHash.bitCount / 10, using: &random) })
  }

  private func target(_ number: Int) -> VideoHashes {
    var random = CounterRandom(seed: seed, 0, UInt64(number))
    var hash = FrameHash(random.next(), random.next(), random.next(), random.next())
    var result = VideoHashes(regions: HashRole.target.regions.count)
    for sample in 0..<Self.length * Int(HashRole.target.rate) {
      hash = Self.changed(hash, bits: 8, using: &random)
      let windows = (1..<result.regions).map { _ in Self.changed(hash, bits: 16, using: &random) }
      result.append(seconds: Float(Double(sample) / HashRole.target.rate), hashes: [hash] + windows)
    }
    return result
  }

  private static func changed(_ hash: FrameHash, bits: Int, using random: inout CounterRandom) -> FrameHash {
    var hash = hash
    withUnsafeMutableBytes(of: &hash.words) { bytes in
      for _ in 0..<bits {
        let bit = random.integer(below: FrameHash.bitCount)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      }
    }
    return hash
  }
}
