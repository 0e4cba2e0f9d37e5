/// A counter-based random generator: its numbers are a pure function of the words it is made from.
///
/// The words are folded into one 64-bit state by the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014); from there it is that generator. The same on every machine.
package struct CounterRandom: Sendable, RandomNumberGenerator {
  /// 2^64 divided by the golden ratio, odd.
  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private var state: UInt64

  /// - Parameters:
  ///   - seed: seed of the run or collection.
  ///   - words: what the numbers are for; other words, or the same in another order, give independent numbers.
  package init(seed: UInt64, _ words: UInt64...) {
    state = Self.key(seed: seed, words)
  }

  package init(key: UInt64) {
    state = key
  }

  package mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// A number in [0, 1), a multiple of 2^-53.
  package mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A number in `0..<bound`, each equally likely.
  ///
  /// - Parameter bound: above 0.
  package mutating func integer(below bound: Int) -> Int {
    precondition(bound > 0)
    // Lemire, "Fast random integer generation in an interval", 2019: reject the few that would bias the result.
    let bound = UInt64(bound)
    let threshold = (0 &- bound) % bound
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= threshold { return Int(product.high) }
    }
  }

  /// One word that stands for `seed` and `words`.
  package static func key(seed: UInt64, _ words: [UInt64]) -> UInt64 {
    var key = mix(seed &+ increment)
    for word in words { key = folded(key, word) }
    return key
  }

  /// The finaliser of SplitMix64, a bijection.
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The bytes of a name, hashed once for several purposes.
  package struct Name: Sendable {
    fileprivate let hash: UInt64

    /// FNV-1a over its UTF-8 bytes.
    package init(_ bytes: some Sequence<UInt8>) {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      self.hash = hash
    }
  }

  /// A seeded hash of a text: of its name, mixed with `seed` and `words`.
  package static func hash(_ text: String, seed: UInt64, _ words: UInt64...) -> UInt64 {
    key(seed: seed, words + [Name(text.utf8).hash])
  }

  /// The hash of a text for one purpose, or for none, without an allocation.
  static func hash(_ name: Name, seed: UInt64, _ word: UInt64? = nil) -> UInt64 {
    var key = mix(seed &+ increment)
    if let word { key = folded(key, word) }
    return folded(key, name.hash)
  }

  private static func folded(_ key: UInt64, _ word: UInt64) -> UInt64 {
    mix((key &+ increment) ^ mix(word &+ increment))
  }
}
