/// Random numbers as a pure function of a key and a counter (SplitMix64), with the same bits on every machine.
package struct CounterGenerator: Sendable {
  private let key: UInt64

  /// - Parameter name: what the numbers are for; another name gives another stream of the same seed.
  package init(seed: UInt64, name: String) {
    // FNV-1a of the name, mixed with the seed.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    key = Self.mix(seed ^ Self.mix(hash))
  }

  /// The 64 bits of counter `index`.
  package func bits(_ index: UInt64) -> UInt64 {
    Self.mix(key &+ (index &+ 1) &* 0x9e37_79b9_7f4a_7c15)
  }

  /// Uniform in the open interval (0, 1), the middle of one of 2^52 equal parts.
  package func uniform(_ index: UInt64) -> Double {
    (Double(bits(index) >> 12) + 0.5) * 0x1p-52
  }

  /// Standard normal.
  package func normal(_ index: UInt64) -> Double { NormalQuantile.value(uniform(index)) }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
