import Corpus
import Synthesis
import Testing

import Deduplication

@Suite struct TargetIndexTests {
  private static func random(_ seed: UInt64) -> FrameHash {
    var random = CounterRandom(seed: seed)
    return FrameHash(random.next(), random.next(), random.next(), random.next())
  }

  private static func changed(_ hash: FrameHash, bits: Int) -> FrameHash {
    var hash = hash
    for bit in 0..<bits { bit < 64 ? (hash.words.1 ^= 1 << UInt64(bit)) : (hash.words.2 ^= 1 << UInt64(bit - 64)) }
    return hash
  }

  /// Ten seconds at eight frames a second, two and two alike, with all their windows. Those of which a video to train on has the
  /// very frames are 2, 6, 10 and so on.
  private static func target(_ number: UInt64) -> VideoHashes {
    let regions = HashRole.target.regions.count
    return VideoHashes(
      regions: regions, seconds: (0..<80).map { Float($0) / 8 },
      hashes: (0..<UInt64(80)).flatMap { Array(repeating: random(number * 1000 + $0 / 2), count: regions) })
  }

  private static func video(_ hashes: [FrameHash], every seconds: Float = 0.5) -> VideoHashes {
    VideoHashes(regions: 1, seconds: hashes.indices.map { Float($0) * seconds }, hashes: hashes)
  }

  private static let strangers = (0..<8).map { random(UInt64(90_000 + $0)) }

  private let index = TargetIndex((0..<30).map { Self.target(UInt64($0)) })

  @Test func theThirdSmallestDistanceOfFramesInOrderCounts() {
    let target = Self.target(7)
    let hashes = [(10, 10), (14, 50), (18, 30), (22, 20), (26, 60)].map { Self.changed(target[$0, 0], bits: $1) }
    let matches = index.matches(Self.video(hashes))
    #expect(matches.map(\.target) == [7])
    #expect(matches.first?.distance == 30 && matches.first?.isMirrored == false)
    #expect(matches.first?.seconds == 0 && matches.first?.targetSeconds == 1.25)
    #expect(index.matches(Self.video(hashes), excluding: 7).isEmpty)
  }

  /// A frame is found a slot of an eighth of a second beside its place, not two.
  @Test func framesAreLookedForASlotBesideTheirPlace() {
    let target = Self.target(11)
    // Slots 8, 12, 16 …, and those of the frames alike before and behind them.
    func video(_ beside: [Int]) -> VideoHashes {
      Self.video(beside.enumerated().map { target[8 + 4 * $0 + 2 * $1, 0] })
    }
    let match = index.matches(video([0, -1, 0, -1, 0, -1, 0, -1])).first
    #expect(match?.target == 11 && match?.distance == 0)
    #expect(index.matches(video([-1, -1, 0, 1, -1, 1, 0, 1])).isEmpty)
  }

  @Test(arguments: [1, 1.25, 0.8]) func speedsAreTried(speed: Float) {
    let target = Self.target(9)
    let hashes = (0..<8).map { target[10 + Int((Float($0) * 4 * speed).rounded()), 0].mirrored }
    let match = index.matches(Self.video(hashes)).first
    #expect(match?.target == 9 && match?.distance == 0 && match?.isMirrored == true)
  }

  @Test func fewFramesOrFramesOutOfOrderAreNoCopy() {
    let target = Self.target(3)
    #expect(index.matches(Self.video([18, 22].map { target[$0, 0] } + Self.strangers)).isEmpty)
    #expect(index.matches(Self.video([62, 46, 30, 14].map { target[$0, 0] })).isEmpty)
    // Of a video of one frame that frame decides.
    #expect(index.matches(Self.video([target[18, 0]])).first?.target == 3)
  }

  /// Of a video of many minutes, wherever the part is.
  @Test(arguments: [0, 236, 239, 241, 245, 250, 256, 700, 990]) func aPartOfAVeryLongVideoIsEnough(first: Int) {
    let target = Self.target(5)
    var hashes = (0..<1000).map { Self.random(1_000_000 + UInt64($0)) }
    for frame in 0..<10 { hashes[first + frame] = target[4 * frame + 10, 0] }
    let match = index.matches(Self.video(hashes)).first
    #expect(match?.target == 5 && match?.distance == 0)
    #expect(match?.seconds == Float(first) / 2 && match?.targetSeconds == 1.25)
  }

  @Test func aPartOfALongVideoIsEnough() {
    let target = Self.target(5)
    let part = (0..<10).map { target[4 * $0 + 10, 0] }
    let match = index.matches(Self.video(Self.strangers + Self.strangers.map(\.mirrored) + part + Self.strangers)).first
    #expect(match?.target == 5 && match?.distance == 0 && match?.seconds == 8 && match?.targetSeconds == 1.25)
  }

  @Test func theNearestIsTheSameForAnyNumberOfThreads() {
    let videos = (0..<60).map { number in
      Self.target(UInt64(number.isMultiple(of: 2) ? number / 2 : 1000 + number)).thinned
    }
    let one = index.nearest(videos.count, workers: 1) { videos[$0] }
    #expect(index.nearest(videos.count, workers: 4) { videos[$0] } == one)
    for number in videos.indices {
      #expect(one[number]?.target == (number.isMultiple(of: 2) ? number / 2 : nil))
    }
  }

  @Test func theThresholdIsTheSmallestWithTheRecall() throws {
    let copies: [(kind: Reupload, distance: Int?)] =
      (1...100).map { (Reupload.allCases[$0 % 7], $0 == 100 ? nil : $0 / 2) }
    let result = try Calibration(
      copies: copies, strangers: [nil, 30, 49, 80], siblings: [50, 49, nil, nil], recall: 0.99, targets: 5)
    #expect(result.distance == 49 && result.recall == 0.99)
    #expect(result.unrelatedShare == 0.5 && result.siblingShare == 0.25)
    let rated = try Calibration(
      copies: copies, strangers: [nil, 30, 49, 80], siblings: [], recall: 0.99, distance: 24, targets: 5)
    #expect(rated.distance == 24 && rated.recall == 0.49 && rated.unrelatedShare == 0)
    #expect(throws: DeduplicationError.self) {
      try Calibration(copies: copies, strangers: [], siblings: [], recall: 1, targets: 5)
    }
  }
}
