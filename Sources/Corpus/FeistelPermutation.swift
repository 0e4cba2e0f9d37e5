/// A keyed bijection of `0..<count`, computed one index at a time: 65 M videos need no shuffled list.
///
/// A balanced Feistel network over the smallest even number of bits that holds `count`; an image outside the range
/// is permuted again until it falls inside ("cycle walking", Black and Rogaway, "Ciphers with arbitrary finite
/// domains", 2002). The domain is below 4·count, so that takes less than four rounds of it on average.
package struct FeistelPermutation: Sendable {
  private static let rounds: UInt64 = 7

  package let count: Int
  private let key: UInt64
  private let halfBits: UInt64
  private let mask: UInt64

  /// - Parameter count: at least 0.
  package init(count: Int, key: UInt64) {
    precondition(count >= 0)
    self.count = count
    self.key = key
    let bits = UInt64(64 - UInt64(max(count - 1, 1)).leadingZeroBitCount)
    halfBits = (bits + 1) / 2
    mask = (1 << halfBits) - 1
  }

  /// The image of `index`.
  ///
  /// - Parameter index: in `0..<count`.
  package func callAsFunction(_ index: Int) -> Int {
    precondition(index >= 0 && index < count)
    var value = UInt64(index)
    repeat {
      value = permuted(value)
    } while value >= UInt64(count)
    return Int(value)
  }

  private func permuted(_ value: UInt64) -> UInt64 {
    var left = value >> halfBits
    var right = value & mask
    for round in 0..<Self.rounds {
      let output = CounterRandom.mix(CounterRandom.mix(right &+ key) &+ (round &+ 1) &* 0x9E37_79B9_7F4A_7C15)
      (left, right) = (right, left ^ (output & mask))
    }
    return left << halfBits | right
  }
}
