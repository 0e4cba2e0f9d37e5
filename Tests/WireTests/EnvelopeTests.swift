import Testing
import Wire

@Suite struct EnvelopeTests {
  private let envelope = Envelope(kind: 17, run: 0x0102_0304_0506_0708, incarnation: 3, body: Array(0..<100))

  private func decode(_ bytes: [UInt8]) throws(WireError) -> Envelope {
    // An exact allocation: reading past its end would be seen by a sanitizer.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { buffer.deallocate() }
    buffer.copyBytes(from: bytes)
    return try Envelope.decode(UnsafeRawBufferPointer(buffer))
  }

  /// The bytes of `envelope` after `change`, with a checksum that fits them.
  private func resealed(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = Array(bytes.dropLast(Envelope.checksumByteCount))
    change(&bytes)
    var writer = ByteWriter()
    writer.writeRaw(bytes)
    writer.write(XXH3.hash(bytes))
    return writer.bytes
  }

  @Test func envelopesComeBack() throws {
    for count in [0, 1, 100, 70_000] {
      var envelope = envelope
      envelope.body = [UInt8](repeating: 5, count: count)
      let bytes = envelope.encoded()
      #expect(bytes.count == 40 + count)
      #expect(try decode(bytes) == envelope)
    }
  }

  @Test func theLayoutIsAsDocumented() {
    let bytes = Envelope(kind: 0x0203, run: 4, incarnation: 5, body: [9]).encoded()
    #expect(Array(bytes[0..<6]) == Array("SLUICE".utf8))
    #expect(Array(bytes[6..<16]) == [2, 0, 3, 2, 0, 0, 1, 0, 0, 0])
    #expect(Array(bytes[16..<33]) == [4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9])
    #expect(bytes.count == 41)
  }

  @Test func everyTruncationIsShort() {
    let bytes = envelope.encoded()
    for count in 0..<bytes.count {
      #expect(code { () throws(WireError) in _ = try decode(Array(bytes[..<count])) } == .short)
    }
    #expect(
      code { () throws(WireError) in _ = try Envelope.decode(UnsafeRawBufferPointer(start: nil, count: 0)) } == .short)
  }

  @Test func everyDamagedByteIsFound() {
    let bytes = envelope.encoded()
    for index in bytes.indices {
      for flip: UInt8 in [0x01, 0x80, 0xFF] {
        var damaged = bytes
        damaged[index] ^= flip
        let found = code { () throws(WireError) in _ = try decode(damaged) }
        switch index {
        case 0..<6: #expect(found == .magic)
        case 6..<8: #expect(found == .version)
        case 12..<16: #expect([.short, .trailing, .checksum].contains(found))
        default: #expect(found == .checksum)
        }
      }
    }
  }

  @Test func otherVersionsAndTrailingBytesAndReservedBytes() {
    let bytes = envelope.encoded()
    let newer = resealed(bytes) { $0[6] += 1 }
    #expect(code { () throws(WireError) in _ = try decode(newer) } == .version)
    #expect(code { () throws(WireError) in _ = try decode(bytes + [0]) } == .trailing)
    let reserved = resealed(bytes) { $0[10] = 1 }
    #expect(code { () throws(WireError) in _ = try decode(reserved) } == .value)
  }

  @Test(arguments: [0, 99, 101, 108, 1 << 31, UInt32.max])
  func lyingLengthsAreErrors(length: UInt32) {
    let lying = resealed(envelope.encoded()) { bytes in
      withUnsafeBytes(of: length.littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
    }
    let found = code { () throws(WireError) in _ = try decode(lying) }
    #expect(found == (length < 100 ? .trailing : .short))
  }
}
