import Corpus
import Testing

import Deduplication

@Suite struct VoteIndexTests {
  private static func hashes(_ target: Int) -> [FrameHash] {
    var random = CounterRandom(seed: 4, UInt64(target))
    return (0..<10).map { _ in FrameHash(random.next(), random.next(), random.next(), random.next()) }
  }

  private let index = VoteIndex(targets: 500, hashes: hashes)

  /// Every target's votes for some hashes, by the definition: 20 bits of each of 32 tables, by turns none of the lower and of the
  /// upper quarter.
  private static func votes(_ hashes: [FrameHash], targets: Int) -> [Int] {
    var votes = [Int](repeating: 0, count: targets)
    for table in 0..<32 {
      let order = FeistelPermutation(count: 192, key: CounterRandom.key(seed: 0xB175, [UInt64(table)]))
      let bits = (0..<20).map { order($0) + (table.isMultiple(of: 2) ? 0 : 64) }
      func key(_ hash: FrameHash) -> Int {
        let words = [hash.words.0, hash.words.1, hash.words.2, hash.words.3]
        return bits.reduce(0) { $0 << 1 | Int(words[$1 / 64] >> UInt64($1 % 64) & 1) }
      }
      let wanted = hashes.map(key)
      for target in 0..<targets {
        let keys = Set(self.hashes(target).map(key))
        votes[target] += wanted.count { keys.contains($0) }
      }
    }
    return votes
  }

  /// Of several targets' hashes, two of which have as many; a single vote is chance.
  @Test func itIsWhatCountingTheEqualKeysGives() {
    let parts = [(17, 10), (499, 6), (0, 6), (250, 2), (3, 1)]
    let hashes = parts.flatMap { target, count in Self.hashes(target).prefix(count) }
    let votes = Self.votes(hashes, targets: 500)
    let order = votes.indices.filter { votes[$0] > 1 }.sorted { (-votes[$0], $0) < (-votes[$1], $1) }
    #expect(order.prefix(5) == [17, 0, 499, 250, 3])
    for count in [1, 2, 3, 4, 5, 50] {
      let found = index.candidates(of: hashes, count: count, excluding: nil)
      #expect(found.map(\.target) == Array(order.prefix(count)) && found.allSatisfy { $0.votes == votes[$0.target] })
      let others = index.candidates(of: hashes, count: count, excluding: 0)
      #expect(others.map(\.target) == Array(order.filter { $0 != 0 }.prefix(count)))
    }
  }

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
