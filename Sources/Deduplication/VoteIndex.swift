internal import Corpus

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
  }

  /// The bits of each table, (tables, keyBits): by turns none of the picture's lower quarter, where captions are, and none of the upper.
  private static let bits: [UInt8] = (0..<tableCount).flatMap { table in
    let quarter = FrameHash.bitCount / 4
    let order = FeistelPermutation(count: 3 * quarter, key: CounterRandom.key(seed: 0xB175, [UInt64(table)]))
    return (0..<keyBits).map { UInt8(order($0) + (table.isMultiple(of: 2) ? 0 : quarter)) }
  }

  private let tables: [Table]
  private let longest: Int
  private let targetCount: Int

  /// - Parameters:
  ///   - targets: number of targets, fewer than 2^32.
  ///   - hashes: of the target with this number, by which it is to be found.
  package init(targets: Int, hashes: (Int) -> [FrameHash]) {
    targetCount = targets
    longest = max(Self.fewest, targets / Self.rarity)
    let all = (0..<targets).map(hashes)
    tables = (0..<Self.tableCount).map { table in
      // A value's last target, so that each is there once: first to count, then to fill.
      var last = [UInt32](repeating: .max, count: 1 << Self.keyBits)
      var starts = [UInt32](repeating: 0, count: 1 << Self.keyBits + 1)
      var keys: [UInt32] = []
      var owners: [UInt32] = []
      for (target, hashes) in all.enumerated() {
        for hash in hashes {
          let key = Self.key(hash, table)
          guard last[key] != UInt32(target) else { continue }
          last[key] = UInt32(target)
          starts[key + 1] += 1
          keys.append(UInt32(key))
          owners.append(UInt32(target))
        }
      }
      for value in 1..<starts.count { starts[value] += starts[value - 1] }
      var result = Table(starts: starts, targets: [UInt32](repeating: 0, count: owners.count))
      for (key, owner) in zip(keys, owners) {
        result.targets[Int(starts[Int(key)])] = owner
        starts[Int(key)] += 1
      }
      return result
    }
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
    for hash in hashes {
      for (number, table) in tables.enumerated() {
        let key = Self.key(hash, number)
        let range = Int(table.starts[key])..<Int(table.starts[key + 1])
        guard range.count <= longest else { continue }
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

  private static func key(_ hash: FrameHash, _ table: Int) -> Int {
    withUnsafeBytes(of: hash.words) { bytes in
      bits.withUnsafeBufferPointer { bits in
        var key = 0
        for place in table * keyBits..<(table + 1) * keyBits {
          key = key << 1 | Int(bytes[Int(bits[place] >> 3)] >> (bits[place] & 7) & 1)
        }
        return key
      }
    }
  }
}
