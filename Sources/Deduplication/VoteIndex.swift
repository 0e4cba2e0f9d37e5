internal import CKernels
internal import Corpus
internal import Synchronization
internal import Tensors

/// Finds the targets that share parts of hashes with a video, without looking at the others.
///
/// Bit sampling (Indyk and Motwani, "Approximate nearest neighbors", 1998): each of several tables knows of every hash some of its bits,
/// chosen at random, and has the targets by their value. Of hashes that differ in one bit of ten, 20 bits are equal with a
/// probability of 0.12 in each table, of strangers' hardly ever.
package struct VoteIndex: Sendable {
  private static let tableCount = 32
  private static let keyBits = 20
  /// A value that more than one in so many targets has, and more than a few, says nothing.
  private static let rarity = 50
  private static let fewest = 16

  private struct Table: Sendable {
    /// The first place of each value's targets, and the end.
    var starts: [UInt32]
    /// Each once for a value, in rising order.
    var targets: [UInt32]

    /// - Parameters:
    ///   - keys: of all targets' hashes.
    ///   - ends: of each target's among them.
    init(_ keys: [UInt32], ends: [Int]) {
      // A value's last target, so that each is there once: first to count, then to fill.
      var last = [UInt32](repeating: .max, count: 1 << keyBits)
      starts = [UInt32](repeating: 0, count: 1 << keyBits + 1)
      var kept: [(key: Int, owner: UInt32)] = []
      var first = 0
      for (target, end) in ends.enumerated() {
        for key in keys[first..<end] where last[Int(key)] != UInt32(target) {
          last[Int(key)] = UInt32(target)
          starts[Int(key) + 1] += 1
          kept.append((Int(key), UInt32(target)))
        }
        first = end
      }
      for value in 1..<starts.count { starts[value] += starts[value - 1] }
      var next = starts
      targets = [UInt32](repeating: 0, count: kept.count)
      for (key, owner) in kept {
        targets[Int(next[key])] = owner
        next[key] += 1
      }
    }
  }

  /// The bits of each table, (tables, words): by turns none of the picture's lower quarter, where captions are, and none of the upper.
  private static let masks: [UInt64] = (0..<tableCount).flatMap { table in
    let quarter = FrameHash.bitCount / 4
    let order = FeistelPermutation(count: 3 * quarter, key: CounterRandom.key(seed: 0xB175, [UInt64(table)]))
    let bits = Set((0..<keyBits).map { order($0) + (table.isMultiple(of: 2) ? 0 : quarter) })
    let mask = FrameHash { bits.contains($0) }.words
    return [mask.0, mask.1, mask.2, mask.3]
  }

  private let tables: [Table]
  private let longest: Int
  private let targetCount: Int

  /// - Parameters:
  ///   - targets: number of targets, fewer than 2^32.
  ///   - workers: threads.
  ///   - hashes: of the target with this number, by which it is to be found.
  package init(targets: Int, workers: Int = 1, hashes: (Int) -> [FrameHash]) {
    targetCount = targets
    longest = max(Self.fewest, targets / Self.rarity)
    var all: [FrameHash] = []
    let ends = (0..<targets).map { target in
      all += hashes(target)
      return all.count
    }
    let hashes = all
    let made = Mutex([Table?](repeating: nil, count: Self.tableCount))
    WorkerPool(threads: workers).run(Self.tableCount) { number, _ in
      let keys = FrameHash.keys(of: hashes, masks: Array(Self.masks[4 * number..<4 * number + 4]))
      let table = Table(keys, ends: ends)
      made.withLock { $0[number] = table }
    }
    tables = made.withLock { $0.compactMap(\.self) }
  }

  /// Targets that share most with some hashes.
  ///
  /// - Parameters:
  ///   - count: at most so many.
  ///   - excluded: a target not to find.
  /// - Returns: by falling number of votes, of equal ones the first; a target has a vote for each hash and table in which it is.
  package func candidates(of hashes: [FrameHash], count: Int, excluding excluded: Int?) -> [(target: Int, votes: Int)] {
    var votes = [UInt32](repeating: 0, count: targetCount)
    var touched: [UInt32] = []
    let keys = FrameHash.keys(of: hashes, masks: Self.masks)
    var ranges = [Range<Int>](repeating: 0..<0, count: Self.tableCount)
    for hash in hashes.indices {
      // First without looking at what is found: the tables are too large for the cache, and the processor waits for all at once.
      for (number, table) in tables.enumerated() {
        let key = Int(keys[hash * Self.tableCount + number])
        ranges[number] = Int(table.starts[key])..<Int(table.starts[key + 1])
      }
      for (table, range) in zip(tables, ranges) {
        table.targets.withUnsafeBufferPointer { sluice_prefetch($0.baseAddress.map { $0 + range.lowerBound }) }
      }
      for (table, range) in zip(tables, ranges) where range.count <= longest {
        for place in range {
          let target = table.targets[place]
          if votes[Int(target)] == 0 { touched.append(target) }
          votes[Int(target)] += 1
        }
      }
    }
    // Those with more votes than anyone who is surely not wanted: few are to be sorted.
    let most = Int(touched.reduce(0) { max($0, votes[Int($1)]) })
    var histogram = [Int](repeating: 0, count: most + 1)
    for target in touched { histogram[Int(votes[Int(target)])] += 1 }
    var (least, kept) = (most, 0)
    while least > 1, kept < count + 1 {
      kept += histogram[least]
      least -= 1
    }
    var found: [(target: Int, votes: Int)] = []
    for target in touched where votes[Int(target)] > least && Int(target) != excluded {
      found.append((Int(target), Int(votes[Int(target)])))
    }
    found.sort { ($1.votes, $0.target) < ($0.votes, $1.target) }
    return Array(found.prefix(count))
  }
}
