/// Float32 rounded to its upper half, and back: half the bytes, three significant digits.
package enum BFloat16 {
  /// Rounds to the nearest, ties to even. What is not a number stays so; what is too large becomes infinite.
  /// - Parameter to: room for as many.
  package static func round(_ values: UnsafeBufferPointer<Float>, to: UnsafeMutablePointer<UInt16>) {
    guard let from = values.baseAddress else { return }
    for index in 0..<values.count {
      let bits = from[index].bitPattern
      let rounded = (bits &+ 0x7fff &+ (bits &>> 16 & 1)) &>> 16
      let isNumber = bits & 0x7fff_ffff <= 0x7f80_0000
      to[index] = UInt16(truncatingIfNeeded: isNumber ? rounded : bits &>> 16 | 0x40)
    }
  }

  /// Exact.
  /// - Parameters:
  ///   - bytes: two for each element, anywhere in memory.
  ///   - to: room for as many.
  package static func widen(_ bytes: UnsafeRawBufferPointer, to: UnsafeMutablePointer<Float>) {
    for index in 0..<bytes.count / 2 {
      to[index] = Float(
        bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) &<< 16)
    }
  }
}
