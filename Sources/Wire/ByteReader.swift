internal import Tensors

/// Reads what `ByteWriter` wrote, from bytes that nobody vouches for.
package struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  /// Keeps a copy of an array's bytes alive.
  private let owner: AlignedBuffer?
  /// Bytes read so far.
  package private(set) var offset = 0

  /// - Parameter bytes: must outlive the reader.
  package init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    owner = nil
  }

  package init(_ array: [UInt8]) {
    let buffer = AlignedBuffer(byteCount: array.count)
    buffer.bytes.copyBytes(from: array)
    bytes = UnsafeRawBufferPointer(buffer.bytes)
    owner = buffer
  }

  /// Bytes not read yet.
  package var remaining: Int { bytes.count - offset }

  /// - Throws: `.trailing` when bytes are left.
  package func finish() throws(WireError) {
    guard remaining == 0 else {
      throw WireError(.trailing, "\(remaining) bytes are left after the \(offset) expected")
    }
  }

  package mutating func readUInt8() throws(WireError) -> UInt8 { try readInteger() }
  package mutating func readUInt16() throws(WireError) -> UInt16 { try readInteger() }
  package mutating func readUInt32() throws(WireError) -> UInt32 { try readInteger() }
  package mutating func readUInt64() throws(WireError) -> UInt64 { try readInteger() }
  package mutating func readInt32() throws(WireError) -> Int32 { try readInteger() }
  package mutating func readInt64() throws(WireError) -> Int64 { try readInteger() }

  package mutating func readInt() throws(WireError) -> Int {
    let value: Int64 = try readInteger()
    guard let result = Int(exactly: value) else { throw WireError(.tooLarge, "\(value) is no Int here") }
    return result
  }

  package mutating func readFloat() throws(WireError) -> Float { Float(bitPattern: try readInteger()) }
  package mutating func readDouble() throws(WireError) -> Double { Double(bitPattern: try readInteger()) }

  package mutating func readBool() throws(WireError) -> Bool {
    let value = try readUInt8()
    guard value <= 1 else { throw WireError(.value, "\(value) is neither false (0) nor true (1)") }
    return value == 1
  }

  /// - Throws: `.value` for a varint that is longer than its number needs or does not fit 64 bits.
  package mutating func readVarint() throws(WireError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      let byte = try readUInt8()
      let bits = UInt64(byte & 0x7F)
      guard (bits << UInt64(shift)) >> UInt64(shift) == bits, shift == 0 || byte != 0 else { break }
      value |= bits << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw WireError(.value, "a number before offset \(offset) is not in its shortest form or has more than 64 bits")
  }

  package mutating func readZigzag() throws(WireError) -> Int64 {
    let value = try readVarint()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  package mutating func readString() throws(WireError) -> String {
    let text = try readRaw(count: readCount())
    guard let string = String(validating: text, as: UTF8.self) else {
      throw WireError(.value, "a string of \(text.count) bytes is not UTF-8")
    }
    return string
  }

  /// An array of bytes that starts with its count.
  package mutating func readBytes() throws(WireError) -> [UInt8] {
    Array(try readRaw(count: readCount()))
  }

  package mutating func read<Value: WireCodable>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
    try Value(from: &self)
  }

  /// The next `count` bytes, without a copy; valid as long as the reader's bytes are.
  package mutating func readRaw(count: Int) throws(WireError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw WireError(.short, "\(count) bytes wanted at offset \(offset), \(remaining) are there")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// A number of elements, of which each takes at least `minimumByteCount` bytes; checked against the bytes there are.
  mutating func readCount(minimumByteCount: Int = 1) throws(WireError) -> Int {
    let count = Int(try readUInt32())
    guard count <= remaining / minimumByteCount else {
      throw WireError(.short, "\(count) elements announced, only \(remaining) bytes follow")
    }
    return count
  }

  private mutating func readInteger<Value: FixedWidthInteger>() throws(WireError) -> Value {
    let size = MemoryLayout<Value>.size
    return Value(littleEndian: try readRaw(count: size).loadUnaligned(as: Value.self))
  }
}

@available(*, unavailable)
extension ByteReader: Sendable {}
