internal import CKernels

/// Work on many hashes at once, in C, in the best instruction set that the processor has.
extension FrameHash {
  /// The least distance to each of several groups of hashes.
  ///
  /// - Parameters:
  ///   - others: the groups.
  ///   - stride: hashes from the start of a group to that of the next.
  ///   - count: the first hashes of each group that are looked at, at least 1.
  ///   - least: a number for each group.
  package func leastDistances(to others: [FrameHash], stride: Int, count: Int, into least: inout [UInt16]) {
    precondition(count > 0 && (least.isEmpty || (least.count - 1) * stride + count <= others.count))
    withUnsafeBytes(of: words) { hash in
      others.withUnsafeBytes { others in
        sluice_hash_least_distances(
          hash.words, others.words, Int64(least.count), Int64(stride), Int64(count), &least)
      }
    }
  }

  /// Has what ``leastDistances(to:stride:count:into:)`` would look at brought into the cache, without waiting for it.
  package static func prefetch(_ others: [FrameHash], groups: Int, stride: Int, count: Int) {
    precondition(count > 0 && (groups == 0 || (groups - 1) * stride + count <= others.count))
    others.withUnsafeBytes { sluice_hash_prefetch($0.words, Int64(groups), Int64(stride), Int64(count)) }
  }

  /// The bits of each hash that are set in each mask, side by side.
  ///
  /// - Parameter masks: four words each, of at most 32 bits.
  /// - Returns: (hashes, masks).
  package static func keys(of hashes: [FrameHash], masks: [UInt64]) -> [UInt32] {
    let tables = masks.count / 4
    guard !hashes.isEmpty, tables > 0 else { return [] }
    return [UInt32](unsafeUninitializedCapacity: hashes.count * tables) { keys, count in
      hashes.withUnsafeBytes { hashes in
        sluice_hash_keys(hashes.words, Int64(hashes.count / 32), masks, Int64(tables), keys.baseAddress)
      }
      count = hashes.count * tables
    }
  }
}

extension UnsafeRawBufferPointer {
  fileprivate var words: UnsafePointer<UInt64>? { baseAddress?.assumingMemoryBound(to: UInt64.self) }
}
