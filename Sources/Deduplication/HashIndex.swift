/// Finds all of many 64-bit hashes within a Hamming distance of another, without looking at most of them.
///
/// Multi-index hashing (Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014): of two hashes
/// that differ in at most r = 4q + a bits, either one of the first a + 1 quarters differs in at most q bits or one of the others in at
/// most q − 1. Each quarter has a table of all hashes in the order of its 16 bits.
package struct HashIndex: Sendable {
  private static let quarters = 4
  private static let quarterBits = 16
  /// 16-bit masks by their number of bits: those of up to b bits are the first `maskCounts[b]`.
  private static let masks: [Int] = (0..<1 << quarterBits).sorted {
    ($0.nonzeroBitCount, $0) < ($1.nonzeroBitCount, $1)
  }
  private static let maskCounts: [Int] = (0...quarterBits).map { bits in masks.count { $0.nonzeroBitCount <= bits } }

  private struct Table: Sendable {
    /// The first place of each value's hashes, and the end.
    var starts: [Int32]
    var hashes: [UInt64]
    /// What was given at each place.
    var places: [Int32]
  }

  private let tables: [Table]
  package let count: Int

  /// - Parameter hashes: fewer than 2^31.
  package init(_ hashes: [UInt64]) {
    precondition(hashes.count < Int(Int32.max))
    count = hashes.count
    tables = (0..<Self.quarters).map { quarter in
      var starts = [Int32](repeating: 0, count: (1 << Self.quarterBits) + 1)
      for hash in hashes { starts[Self.value(hash, quarter) + 1] += 1 }
      for value in 1..<starts.count { starts[value] += starts[value - 1] }
      var table = Table(
        starts: starts, hashes: [UInt64](repeating: 0, count: hashes.count),
        places: [Int32](repeating: 0, count: hashes.count))
      for (place, hash) in hashes.enumerated() {
        let value = Self.value(hash, quarter)
        let next = Int(starts[value])
        starts[value] += 1
        table.hashes[next] = hash
        table.places[next] = Int32(place)
      }
      return table
    }
  }

  /// Calls `body` with the place of every hash that differs from `hash` in at most `radius` bits, once for each.
  ///
  /// - Parameter radius: 0 to 64.
  package func forEach(within radius: Int, of hash: UInt64, _ body: (_ place: Int) -> Void) {
    let (most, extra) = (radius / Self.quarters, radius % Self.quarters)
    for quarter in 0..<Self.quarters {
      let bits = min(quarter <= extra ? most : most - 1, Self.quarterBits)
      if bits >= 0 { visit(quarter, bits: bits, radius: radius, of: hash, body) }
    }
  }

  private func visit(
    _ quarter: Int, bits: Int, radius: Int, of hash: UInt64, _ body: (_ place: Int) -> Void
  ) {
    let value = Self.value(hash, quarter)
    let table = tables[quarter]
    table.hashes.withUnsafeBufferPointer { hashes in
      table.starts.withUnsafeBufferPointer { starts in
        for mask in Self.masks[..<Self.maskCounts[bits]] {
          let bucket = value ^ mask
          for next in Int(starts[bucket])..<Int(starts[bucket + 1])
          where (hashes[next] ^ hash).nonzeroBitCount <= radius {
            if isFirst(quarter, hashes[next] ^ hash, radius: radius) { body(Int(table.places[next])) }
          }
        }
      }
    }
  }

  /// Whether no table before this one finds a hash that differs in these bits.
  private func isFirst(_ quarter: Int, _ difference: UInt64, radius: Int) -> Bool {
    let (most, extra) = (radius / Self.quarters, radius % Self.quarters)
    return (0..<quarter).allSatisfy { before in
      Self.value(difference, before).nonzeroBitCount > (before <= extra ? most : most - 1)
    }
  }

  private static func value(_ hash: UInt64, _ quarter: Int) -> Int {
    Int(truncatingIfNeeded: hash >> UInt64(quarter * quarterBits)) & (1 << quarterBits - 1)
  }
}
