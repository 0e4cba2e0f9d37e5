import Corpus
import Deduplication
import Testing

@Suite struct HashIndexTests {
  /// Random hashes, and near each of some of them others at every distance up to 20.
  private static func hashes(seed: UInt64) -> [UInt64] {
    var random = CounterRandom(seed: seed)
    var hashes = (0..<2000).map { _ in random.next() }
    for number in 0..<400 {
      var near = hashes[number]
      for _ in 0..<number % 21 { near ^= 1 << UInt64(random.integer(below: 64)) }
      hashes.append(near)
    }
    return hashes + [0, 0, .max, 1]
  }

  @Test(arguments: [0, 1, 3, 4, 7, 8, 9, 10, 11, 15])
  func findsWhatLookingAtAllFinds(radius: Int) {
    let hashes = Self.hashes(seed: 3)
    let index = HashIndex(hashes)
    #expect(index.count == hashes.count)
    var foundInAll = 0
    for query in hashes[1900...].enumerated().filter({ $0.offset.isMultiple(of: 7) }).map(\.element) + [0, .max] {
      var found: [Int] = []
      index.forEach(within: radius, of: query) { found.append($0) }
      let wanted = hashes.indices.filter { (hashes[$0] ^ query).nonzeroBitCount <= radius }
      #expect(found.sorted() == wanted)
      foundInAll += wanted.count
    }
    #expect(foundInAll > 70)
  }

  @Test func anEmptyIndexFindsNothing() {
    HashIndex([]).forEach(within: 10, of: 5) { _ in Issue.record("found something") }
  }
}
