/// The first frame of every message between workers. Byte-exact in `docs/wire-format.md`.
package struct Envelope: Sendable, Equatable {
  package static let magic: [UInt8] = Array("SLUICE".utf8)
  package static let currentVersion: UInt16 = 2
  /// Bytes before the body, and the checksum after it.
  package static let headerByteCount = 32
  package static let checksumByteCount = 8

  package var version: UInt16
  /// What the body holds.
  package var kind: UInt16
  /// The run that the message belongs to.
  package var run: UInt64
  package var incarnation: UInt64
  package var body: [UInt8]

  package init(
    version: UInt16 = Envelope.currentVersion, kind: UInt16, run: UInt64, incarnation: UInt64, body: [UInt8]
  ) {
    self.version = version
    self.kind = kind
    self.run = run
    self.incarnation = incarnation
    self.body = body
  }

  package func encoded() -> [UInt8] {
    var writer = ByteWriter(capacity: Self.headerByteCount + body.count + Self.checksumByteCount)
    writer.writeRaw(Self.magic)
    writer.write(version)
    writer.write(kind)
    writer.write(UInt16(0))
    writer.writeCount(body.count)
    writer.write(run)
    writer.write(incarnation)
    writer.writeRaw(body)
    writer.write(XXH3.hash(writer.bytes))
    return writer.bytes
  }

  /// - Throws: `.magic`, `.version`, `.short`, `.trailing`, `.value` or `.checksum`, whichever shows first.
  package static func decode(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Envelope {
    var reader = ByteReader(bytes)
    guard try reader.readRaw(count: magic.count).elementsEqual(magic) else {
      throw WireError(.magic, "the frame does not start with SLUICE")
    }
    let version = try reader.readUInt16()
    guard version == currentVersion else {
      throw WireError(.version, "version \(version), this program speaks \(currentVersion); use one build everywhere")
    }
    let kind = try reader.readUInt16()
    let reserved = try reader.readUInt16()
    let bodyByteCount = Int(try reader.readUInt32())
    let run = try reader.readUInt64()
    let incarnation = try reader.readUInt64()
    let body = try reader.readRaw(count: bodyByteCount)
    let checked = UnsafeRawBufferPointer(rebasing: bytes[..<reader.offset])
    let checksum = try reader.readUInt64()
    try reader.finish()
    guard checksum == XXH3.hash(checked) else {
      throw WireError(.checksum, "the envelope's checksum is wrong: the frame was damaged on its way")
    }
    guard reserved == 0 else { throw WireError(.value, "reserved bytes hold \(reserved), not 0") }
    return Envelope(version: version, kind: kind, run: run, incarnation: incarnation, body: Array(body))
  }
}
