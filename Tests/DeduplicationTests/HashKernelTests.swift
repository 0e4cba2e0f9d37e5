import Corpus
import Tensors
import Testing

import Deduplication

/// The kernels on every instruction set against the definitions, one hash at a time.
@Suite struct HashKernelTests {
  private static let paths = KernelPath.allCases.filter(\.isAvailable)

  private static func hashes(_ count: Int, seed: UInt64) -> [FrameHash] {
    var random = CounterRandom(seed: seed)
    return (0..<count).map { number in
      // Some with a part that is alike, so that each way of counting is the smaller one for some.
      let words = (0..<4).map { $0 == number % 5 ? random.next() : random.next() & random.next() & random.next() }
      return FrameHash(words[0], words[1], words[2], words[3])
    }
  }

  @Test(arguments: paths) func theLeastDistanceOfEachGroupIsThatOfItsHashes(path: KernelPath) {
    let others = Self.hashes(7 * 12, seed: 1)
    for (number, hash) in Self.hashes(40, seed: 2).enumerated() {
      let count = 1 + number % 12
      var least = [UInt16](repeating: 0, count: 7)
      path.onThisThread { hash.leastDistances(to: others, stride: 12, count: count, into: &least) }
      for group in 0..<7 {
        let wanted = others[group * 12..<group * 12 + count].map { hash.distance(to: $0) }.min()
        #expect(Int(least[group]) == wanted, "\(count) hashes")
      }
    }
  }

  @Test(arguments: paths) func aKeyHasTheBitsOfItsMask(path: KernelPath) {
    let hashes = Self.hashes(30, seed: 3)
    var random = CounterRandom(seed: 4)
    let masks = (0..<12).map { _ in random.next() & random.next() & random.next() & random.next() }
    let keys = path.onThisThread { FrameHash.keys(of: hashes, masks: masks) }
    for (number, hash) in hashes.enumerated() {
      let words = [hash.words.0, hash.words.1, hash.words.2, hash.words.3]
      for table in 0..<3 {
        var key: UInt64 = 0
        for word in 0..<4 {
          let mask = masks[4 * table + word]
          let bits = (0..<64).filter { mask >> UInt64($0) & 1 == 1 }.map { words[word] >> UInt64($0) & 1 }
          key = bits.reversed().reduce(key) { $0 << 1 | $1 }
        }
        #expect(keys[3 * number + table] == UInt32(truncatingIfNeeded: key))
      }
    }
  }
}
