/// A SplitMix64 stream keyed by integers: the one source of every random choice of a collection.
///
/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (constants of its `mix64`).
/// The sequence depends on nothing but the key, so a video is the same whoever renders it.
package struct RandomSource: Sendable {
  private var state: UInt64

  /// - Parameter key: seed first, then what the stream is for, such as a video's index.
  package init(_ key: UInt64...) {
    state = 0
    for part in key {
      state = Self.mix(state ^ Self.mix(part &+ Self.golden)) &+ Self.golden
    }
  }

  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  package mutating func next() -> UInt64 {
    state &+= Self.golden
    return Self.mix(state)
  }

  /// Uniform in [0, 1), a multiple of 2^-24.
  package mutating func unit() -> Float {
    Float(next() >> 40) * 0x1p-24
  }

  /// Uniform between the bounds of `range`.
  package mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    range.lowerBound + (range.upperBound - range.lowerBound) * unit()
  }

  /// Uniform in 0..<`bound`; `bound` is at least 1.
  package mutating func index(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// True with probability `probability`.
  package mutating func chance(_ probability: Float) -> Bool {
    unit() < probability
  }

  /// One element of `items`, which is not empty.
  package mutating func pick<Item>(_ items: [Item]) -> Item {
    items[index(below: items.count)]
  }

  /// 0..<`count` in random order (Fisher-Yates).
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, index(below: last + 1))
    }
    return order
  }
}
