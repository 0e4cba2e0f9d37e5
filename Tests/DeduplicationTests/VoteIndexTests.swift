import Corpus
import Testing

import Deduplication

@Suite struct VoteIndexTests {
  private static func hashes(_ target: Int) -> [FrameHash] {
    var random = CounterRandom(seed: 4, UInt64(target))
    return (0..<10).map { _ in FrameHash(random.next(), random.next(), random.next(), random.next()) }
  }

  private let index = VoteIndex(targets: 500, hashes: hashes)

  /// What it returns is what counting the equal keys of all targets gives.
  @Test func theMostVotesComeFirst() throws {
    var random = CounterRandom(seed: 5)
    for target in [0, 17, 499] {
      let hashes = Self.hashes(target).map { hash in
        var hash = hash
        for _ in 0..<20 { hash.words.1 ^= 1 << UInt64(random.integer(below: 64)) }
        return hash
      }
      let found = index.candidates(of: hashes, count: 3, excluding: nil)
      #expect(found.count <= 3 && found.first?.target == target)
      #expect(try #require(found.first).votes >= 20)
      #expect(zip(found, found.dropFirst()).allSatisfy { $0.votes >= $1.votes })
      #expect(!index.candidates(of: hashes, count: 3, excluding: target).contains { $0.target == target })
    }
  }

  @Test func aTargetHasOneVoteForAHashAndTable() {
    let same = VoteIndex(targets: 3) { Array(repeating: Self.hashes($0)[0], count: 7) }
    let found = same.candidates(of: [Self.hashes(1)[0]], count: 5, excluding: nil)
    #expect(found.map(\.target) == [1] && found[0].votes == 32)
  }

  @Test func whatManyTargetsHaveSaysNothing() {
    let even = VoteIndex(targets: 400) { _ in [FrameHash(0, 0, 0, 0)] }
    #expect(even.candidates(of: [FrameHash(0, 0, 0, 0)], count: 5, excluding: nil).isEmpty)
    #expect(VoteIndex(targets: 0) { _ in [] }.candidates(of: Self.hashes(1), count: 5, excluding: nil).isEmpty)
  }
}
