import Glibc

/// SplitMix64: the same numbers for the same seed, on every machine.
struct TestRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int, stream: Int = 0) {
    state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(truncatingIfNeeded: stream) << 32
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// In 0 ..< 1.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// Exponential with the given mean.
  mutating func delay(mean: Double) -> Double { mean * -log(1 - uniform()) }
}
