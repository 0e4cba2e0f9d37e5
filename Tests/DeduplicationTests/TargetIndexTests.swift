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
    // None among the coarse ones: candidates are not what these tests are about.
    for bit in 0..<bits { bit < 64 ? (hash.fine1 ^= 1 << UInt64(bit)) : (hash.fine2 ^= 1 << UInt64(bit - 64)) }
    return hash
  }

  /// Ten seconds at four frames a second, none like another.
  private static func target(_ number: UInt64) -> [HashedFrame] {
    (0..<40).map {
      HashedFrame(seconds: Float($0) / 4, sample: UInt32($0), hash: random(number * 1000 + UInt64($0)))
    }
  }

  private let index = TargetIndex((0..<30).map { Self.target(UInt64($0)) })

  @Test func theSecondSmallestDistanceOfFramesInOrderCounts() {
    let target = Self.target(7)
    let video = [(4, 10), (8, 30), (12, 50)].enumerated().map { sample, part in
      HashedFrame(
        seconds: Float(sample), sample: UInt32(sample), hash: Self.changed(target[part.0].hash, bits: part.1))
    }
    let matches = index.matches(video)
    #expect(matches.map(\.target) == [7])
    #expect(matches.first?.distance == 30 && matches.first?.isMirrored == false)
    #expect(matches.first?.seconds == 0 && matches.first?.targetSeconds == 1)
  }

  @Test(arguments: [1, 1.25, 0.8]) func speedsAreTried(speed: Float) {
    let target = Self.target(9)
    let video = (0..<6).map { sample in
      let seconds = Float(sample) * speed
      return HashedFrame(
        seconds: Float(sample), sample: UInt32(sample), hash: target[4 + Int((seconds * 4).rounded())].hash.mirrored)
    }
    let match = index.matches(video).first
    #expect(match?.target == 9 && match?.distance == 0 && match?.isMirrored == true)
  }

  @Test func oneFrameAloneOrFramesOutOfOrderAreNoCopy() {
    let target = Self.target(3)
    let strangers = (1..<4).map {
      HashedFrame(seconds: Float($0), sample: UInt32($0), hash: Self.random(UInt64(90_000 + $0)))
    }
    #expect(index.matches([HashedFrame(seconds: 0, sample: 0, hash: target[8].hash)] + strangers).isEmpty)
    let swapped = [(0, 30), (1, 10)].map {
      HashedFrame(seconds: Float($0.0), sample: UInt32($0.0), hash: target[$0.1].hash)
    }
    #expect(index.matches(swapped).isEmpty)
    // Of a video of one frame that frame decides.
    #expect(index.matches([HashedFrame(seconds: 0, sample: 0, hash: target[8].hash)]).first?.target == 3)
  }

  @Test func theNearestIsTheSameForAnyNumberOfThreads() {
    let videos = (0..<60).map { number in
      number.isMultiple(of: 2) ? Self.target(UInt64(number / 2)) : Self.target(UInt64(1000 + number))
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
      copies: copies, strangers: [nil, 30, 49, 80], recall: 0.99, targets: 5)
    #expect(result.distance == 49 && result.recall == 0.99 && result.unrelatedShare == 0.5)
    #expect(throws: DeduplicationError.self) {
      try Calibration(copies: copies, strangers: [], recall: 1, targets: 5)
    }
  }
}
