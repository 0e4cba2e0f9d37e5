internal import CXXHash

/// The 64-bit XXH3 hash (libxxhash): checksums, and keys that select items. Not for adversaries.
package enum XXH3 {
  package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
    sluice_xxh3(bytes.baseAddress, bytes.count, seed)
  }

  package static func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBytes { hash($0, seed: seed) }
  }

  /// Hashes several pieces as if they were one.
  package struct Stream: ~Copyable {
    private let state: OpaquePointer

    package init(seed: UInt64 = 0) {
      guard let state = XXH3_createState() else { fatalError("XXH3: out of memory") }
      self.state = state
      XXH3_64bits_reset_withSeed(state, seed)
    }

    deinit {
      XXH3_freeState(state)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
      sluice_xxh3_update(state, bytes.baseAddress, bytes.count)
    }

    package mutating func update(_ bytes: [UInt8]) {
      bytes.withUnsafeBytes { update($0) }
    }

    /// The hash of everything so far; more may follow.
    package func digest() -> UInt64 { XXH3_64bits_digest(state) }
  }
}
