import Testing
import Wire

private enum Colour: UInt8, WireCodable {
  case red = 1
  case blue = 2
}

private struct Item: WireCodable, Equatable {
  var name: String
  var weights: [Double]
  var next: Int?

  func encode(to writer: inout ByteWriter) {
    writer.write(name)
    weights.encode(to: &writer)
    next.encode(to: &writer)
  }

  init(name: String, weights: [Double], next: Int?) {
    self.name = name
    self.weights = weights
    self.next = next
  }

  init(from reader: inout ByteReader) throws(WireError) {
    name = try reader.readString()
    weights = try reader.read()
    next = try reader.read()
  }
}

@Suite struct WireCodableTests {
  private func roundTrip<Value: WireCodable & Equatable>(_ values: [Value]) throws {
    for value in values { #expect(try decoded(Value.self, encoded(value)) == value) }
  }

  @Test func varintsComeBackInTheirShortestFormOnly() throws {
    for value in [0, 1, 127, 128, 16383, 16384, UInt64.max >> 1, .max] {
      var writer = ByteWriter()
      writer.write(varint: value)
      #expect(writer.bytes.count == max((64 - value.leadingZeroBitCount + 6) / 7, 1))
      var reader = ByteReader(writer.bytes)
      #expect(try reader.readVarint() == value)
      try reader.finish()
    }
    for value in [0, -1, 1, 63, -64, 64, Int64.min, .max] {
      var writer = ByteWriter()
      writer.write(zigzag: value)
      #expect(writer.bytes.count == 1 || !(-64..<64).contains(value))
      var reader = ByteReader(writer.bytes)
      #expect(try reader.readZigzag() == value)
    }
    let long = [UInt8](repeating: 0x80, count: 9)
    for bytes in [[], [0x80], [0x80, 0], [0xFF, 0x80, 0x00], long + [2], long + [0x81, 0]] as [[UInt8]] {
      var reader = ByteReader(bytes)
      #expect(throws: WireError.self, "\(bytes)") { try reader.readVarint() }
    }
  }

  @Test func valuesComeBack() throws {
    try roundTrip([UInt8.min, 1, .max])
    try roundTrip([UInt16.min, 1, .max])
    try roundTrip([UInt32.min, 1, .max])
    try roundTrip([UInt64.min, 1, .max])
    try roundTrip([Int32.min, -1, .max])
    try roundTrip([Int64.min, -1, .max])
    try roundTrip([Int.min, -1, .max])
    try roundTrip([Float.zero, -1.5, .infinity, .leastNonzeroMagnitude])
    try roundTrip([Double.zero, -1.5, -.infinity, .leastNonzeroMagnitude])
    try roundTrip([true, false])
    try roundTrip(["", "a", "größer 🎞", "\0"])
    try roundTrip([[UInt8](), [1, 2, 3]])
    try roundTrip([["a", ""], []])
    try roundTrip([Int?.none, 5])
    try roundTrip([[Int?](), [nil, 3, nil]])
    try roundTrip([Colour.red, .blue])
    try roundTrip([Item(name: "x", weights: [1, 2], next: nil), Item(name: "", weights: [], next: -1)])
    let notANumber = Float(bitPattern: 0x7FC0_1234)
    #expect(try decoded(Float.self, encoded(notANumber)).bitPattern == notANumber.bitPattern)
    let notANumberEither = Double(bitPattern: 0xFFF8_0000_0000_4321)
    #expect(try decoded(Double.self, encoded(notANumberEither)).bitPattern == notANumberEither.bitPattern)
  }

  @Test func bytesAreLittleEndian() {
    #expect(encoded(UInt16(0x0102)) == [2, 1])
    #expect(encoded(-2) == [0xFE] + [UInt8](repeating: 0xFF, count: 7))
    #expect(encoded(Float(1)) == [0, 0, 0x80, 0x3F])
    #expect(encoded("ab") == [2, 0, 0, 0, 97, 98])
    #expect(encoded([UInt8]([7, 8])) == [2, 0, 0, 0, 7, 8])
    #expect(encoded(Bool?.some(true)) == [1, 1])
    var writer = ByteWriter()
    writer.write([UInt8]([7, 8]))
    writer.writeRaw([9])
    #expect(writer.bytes == [2, 0, 0, 0, 7, 8, 9])
  }

  @Test func readersReadWhatWritersWrote() throws {
    var writer = ByteWriter(capacity: 8)
    writer.write(UInt32(5))
    writer.write([UInt8]([1, 2]))
    writer.write(Colour.blue)
    try writer.bytes.withUnsafeBytes { bytes in
      var reader = ByteReader(bytes)
      #expect(try reader.readUInt32() == 5)
      #expect(try reader.readBytes() == [1, 2])
      #expect(reader.remaining == 1)
      #expect(code { () throws(WireError) in try reader.finish() } == .trailing)
      #expect(try reader.read(Colour.self) == .blue)
      try reader.finish()
      #expect(code { () throws(WireError) in _ = try reader.readUInt8() } == .short)
      #expect(code { () throws(WireError) in _ = try reader.readRaw(count: -1) } == .short)
    }
  }

  @Test func valuesWithoutMeaningAreErrors() {
    #expect(code { () throws(WireError) in _ = try decoded(Bool.self, [2]) } == .value)
    #expect(code { () throws(WireError) in _ = try decoded(Int?.self, [255]) } == .value)
    #expect(code { () throws(WireError) in _ = try decoded(Colour.self, [0]) } == .value)
    #expect(code { () throws(WireError) in _ = try decoded(String.self, [2, 0, 0, 0, 0xC3, 0x28]) } == .value)
    #expect(code { () throws(WireError) in _ = try decoded(UInt8.self, [1, 2]) } == .trailing)
  }

  @Test func everyTruncationIsShort() {
    let bytes = encoded([Item(name: "first", weights: [1, 2, 3], next: 9), Item(name: "b", weights: [], next: nil)])
    for count in 0..<bytes.count {
      #expect(code { () throws(WireError) in _ = try decoded([Item].self, Array(bytes[..<count])) } == .short)
    }
  }

  /// A count of four billion: refused by the bytes that follow, before anything is allocated.
  @Test func lyingCountsAreShort() {
    for count: UInt32 in [3, 1000, .max] {
      var writer = ByteWriter()
      writer.write(count)
      writer.writeRaw([1, 1])
      let bytes = writer.bytes
      #expect(code { () throws(WireError) in _ = try decoded([UInt8].self, bytes) } == .short)
      #expect(code { () throws(WireError) in _ = try decoded([[Double]].self, bytes) } == .short)
      #expect(code { () throws(WireError) in _ = try decoded(String.self, bytes) } == .short)
    }
  }
}
