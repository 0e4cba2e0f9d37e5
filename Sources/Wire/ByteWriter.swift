/// Appends values to an array of bytes, little-endian and unpadded.
package struct ByteWriter: Sendable {
  package var bytes: [UInt8]

  package init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  package mutating func write(_ value: UInt8) { bytes.append(value) }
  package mutating func write(_ value: UInt16) { writeInteger(value) }
  package mutating func write(_ value: UInt32) { writeInteger(value) }
  package mutating func write(_ value: UInt64) { writeInteger(value) }
  package mutating func write(_ value: Int32) { writeInteger(value) }
  package mutating func write(_ value: Int64) { writeInteger(value) }
  /// As `Int64`.
  package mutating func write(_ value: Int) { writeInteger(Int64(value)) }
  /// Its bits, so that every NaN comes back as it was.
  package mutating func write(_ value: Float) { writeInteger(value.bitPattern) }
  package mutating func write(_ value: Double) { writeInteger(value.bitPattern) }
  /// One byte, 0 or 1.
  package mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }

  /// Seven bits a byte, lowest first; all bytes but the last have the highest bit set (LEB128).
  package mutating func write(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// As a varint, the sign in its lowest bit: short for small numbers of either sign.
  package mutating func write(zigzag value: Int64) {
    write(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  /// The number of UTF-8 bytes as `UInt32`, then these.
  package mutating func write(_ value: String) {
    writeCount(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  /// The number of bytes as `UInt32`, then these.
  package mutating func write(_ value: [UInt8]) {
    writeCount(value.count)
    bytes.append(contentsOf: value)
  }

  package mutating func write<Value: WireCodable>(_ value: Value) { value.encode(to: &self) }

  /// The bytes alone, without their number.
  package mutating func writeRaw(_ value: UnsafeRawBufferPointer) { bytes.append(contentsOf: value) }
  package mutating func writeRaw(_ value: [UInt8]) { bytes.append(contentsOf: value) }

  /// A number of elements or bytes, as `UInt32`.
  mutating func writeCount(_ count: Int) {
    precondition(count <= UInt32.max, "an array of \(count) elements does not fit in a message")
    writeInteger(UInt32(count))
  }

  private mutating func writeInteger<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
