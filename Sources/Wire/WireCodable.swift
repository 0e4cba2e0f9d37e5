/// A value with one exact form in bytes.
package protocol WireCodable {
  func encode(to writer: inout ByteWriter)
  /// - Throws: `WireError` for every sequence of bytes that `encode` cannot have written.
  init(from reader: inout ByteReader) throws(WireError)
}

extension UInt8: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readUInt8() }
}

extension UInt16: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readUInt16() }
}

extension UInt32: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readUInt32() }
}

extension UInt64: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readUInt64() }
}

extension Int32: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readInt32() }
}

extension Int64: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readInt64() }
}

extension Int: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readInt() }
}

extension Float: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readFloat() }
}

extension Double: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readDouble() }
}

extension Bool: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readBool() }
}

extension String: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(self) }
  package init(from reader: inout ByteReader) throws(WireError) { self = try reader.readString() }
}

/// The number of elements as `UInt32`, then the elements, each of which takes at least one byte.
extension Array: WireCodable where Element: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    writer.writeCount(count)
    for element in self { element.encode(to: &writer) }
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    let count = try reader.readCount()
    self = []
    // A small element on the wire may be a large one in memory: beyond the first ones, the array grows as they come.
    reserveCapacity(Swift.min(count, 1024))
    for _ in 0..<count { append(try Element(from: &reader)) }
  }
}

/// One byte, 0 or 1, then the value if there is one.
extension Optional: WireCodable where Wrapped: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    writer.write(self != nil)
    if let self { self.encode(to: &writer) }
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self = try reader.readBool() ? Wrapped(from: &reader) : nil
  }
}

/// An enum with raw values: declare `WireCodable` and this does the rest.
extension WireCodable where Self: RawRepresentable, RawValue: WireCodable {
  package func encode(to writer: inout ByteWriter) { rawValue.encode(to: &writer) }

  package init(from reader: inout ByteReader) throws(WireError) {
    let raw = try RawValue(from: &reader)
    guard let value = Self(rawValue: raw) else { throw WireError(.value, "\(raw) is no \(Self.self)") }
    self = value
  }
}
