internal import Corpus

/// `bench duplicates`: the speed of searching hashes of videos among a target's.
package struct HashBenchmark: Sendable {
  package struct Result: Sendable, Encodable {
    package let hashes: Int
    package let targets: Int
    package let targetHashes: Int
    package let secondsToIndex: Double
    package let secondsToSearch: Double
    /// Copies among the videos, and those of them found; videos found that are none.
    package let copies: Int
    package let found: Int
    package let wrong: Int

    private enum CodingKeys: String, CodingKey {
      case hashes, targets, copies, found, wrong
      case targetHashes = "target_hashes"
      case secondsToIndex = "seconds_to_index"
      case secondsToSearch = "seconds_to_search"
    }
  }

  private static let regions = FrameRegion.all.count
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

  /// Videos of ten seconds whose hashes wander: random at first, a few bits change from frame to frame. Copies differ from
  /// what they are of in a twentieth of the bits.
  package func run() -> Result {
    let all = (0..<targets).map { video($0, rate: CorpusHasher.targetRate) }
    let clock = ContinuousClock()
    let start = clock.now
    let index = TargetIndex(all)
    let indexed = clock.now
    let perVideo = Self.length * Int(CorpusHasher.corpusRate) * Self.regions
    let videos = max(1, hashes / perVideo)
    let found = index.nearest(videos, workers: workers) { query($0, among: all) }
    let searched = clock.now
    let copies = Set(stride(from: 0, to: videos, by: Self.copyInterval))
    return Result(
      hashes: videos * perVideo, targets: targets, targetHashes: index.count,
      secondsToIndex: (indexed - start) / .seconds(1), secondsToSearch: (searched - indexed) / .seconds(1),
      copies: copies.count, found: copies.count { found[$0]?.target == $0 % targets },
      wrong: found.indices.count { !copies.contains($0) && found[$0] != nil })
  }

  private func query(_ number: Int, among targets: [[HashedFrame]]) -> [HashedFrame] {
    guard number.isMultiple(of: Self.copyInterval) else {
      return video(self.targets + number, rate: CorpusHasher.corpusRate)
    }
    var random = CounterRandom(seed: seed, 1, UInt64(number))
    let every = Int(CorpusHasher.targetRate / CorpusHasher.corpusRate)
    return targets[number % targets.count].filter { Int($0.sample).isMultiple(of: every) }.map { frame in
      HashedFrame(
        seconds: frame.seconds, sample: frame.sample,
        hash: Self.changed(frame.hash, bits: 256 / 20, using: &random))
    }
  }

  private func video(_ number: Int, rate: Double) -> [HashedFrame] {
    var random = CounterRandom(seed: seed, 0, UInt64(number))
    var hashes = (0..<Self.regions).map { _ in
      FrameHash(random.next(), random.next(), random.next(), random.next())
    }
    return (0..<Int(Double(Self.length) * rate)).flatMap { sample in
      hashes.indices.map { region in
        hashes[region] = Self.changed(hashes[region], bits: 8, using: &random)
        return HashedFrame(
          seconds: Float(Double(sample) / rate), sample: UInt32(sample), hash: hashes[region])
      }
    }
  }

  private static func changed(_ hash: FrameHash, bits: Int, using random: inout CounterRandom) -> FrameHash {
    var words = [hash.coarse, hash.fine1, hash.fine2, hash.fine3]
    for _ in 0..<bits {
      let bit = random.integer(below: 256)
      words[bit / 64] ^= 1 << UInt64(bit % 64)
    }
    return FrameHash(words[0], words[1], words[2], words[3])
  }
}
