package import Wire

/// What an index keeps of a video file so that a decoder opens it without probing it and reading it through: its codec's
/// parameters and the packets of its video stream, or those that a window needs.
///
/// A decoder that is given a table returns the pixels it would return without: `make` (in `PacketTable+make.swift`) gives a
/// table only for files that are read alike with it, and whatever differs from the table when it is used makes the decoder
/// open the file without it. Only damage that the window does not need may go unseen.
package struct PacketTable: Sendable, Equatable {
  /// More packets are not kept; at 30 frames a second they last 9.7 hours.
  static let packetLimit = 1 << 20
  /// Most packets of a slice.
  static let sliceLimit = 1 << 14

  let info: VideoInfo
  /// Of the file's bytes: see `FileIdentity`.
  let identity: UInt64
  /// libav's name of the container.
  let format: String
  let parameters: StreamParameters
  /// The packets' own orders count from here in the file.
  let firstOrder: Int
  /// Byte positions of the index' keyframes, in containers that have no better way to jump; otherwise empty.
  let positions: [Int64]
  let index: PacketIndex

  /// Size of the file.
  package var byteCount: Int { info.byteCount }
  /// Frames of the file.
  package var frameCount: Int { info.frameCount }

  /// The part of the table that `frames` need: from the keyframe before the first on. Nil if a frame is not in it, or it
  /// has so many packets that a lease is no place for them.
  package func slice(for frames: [Int]) -> PacketTable? {
    var (first, last) = (Int.max, -1)
    for frame in frames {
      guard let order = index.order(of: frame) else { return nil }
      first = min(first, index.start(for: order))
      last = max(last, order)
    }
    // H.264 pictures after such a keyframe may list references before it, and are then decoded from one keyframe earlier.
    if info.codec == "h264" && index.hasLeadingPictures { first = index.start(before: first) }
    guard first <= last, last - first < PacketTable.sliceLimit else { return nil }
    let kept = first...last
    let keyframes = index.keyframes.indices.filter { kept.contains(index.keyframes[$0]) }
    let numbers = zip(index.orders, index.numbers).filter { kept.contains($0.0) }.map(\.1)
    guard
      let part = PacketIndex(
        pts: Array(index.pts[kept]), isShown: Array(index.isShown[kept]),
        keyframes: keyframes.map { index.keyframes[$0] - first }, numbers: numbers, frameCount: index.frameCount)
    else { return nil }
    return PacketTable(
      info: info, identity: identity, format: format, parameters: parameters, firstOrder: firstOrder + first,
      positions: positions.isEmpty ? [] : keyframes.map { positions[$0] }, index: part)
  }

  /// Byte position of the keyframe at `order`, where jumps go by position.
  func position(ofKeyframeAt order: Int) -> Int64? {
    guard !positions.isEmpty, let place = index.keyframes.firstIndex(of: order) else { return nil }
    return positions[place]
  }
}

extension PacketTable {
  private static let version: UInt8 = 1
  /// The libraries whose numbers and behaviour a table relies on.
  private static let libraries = XXH3.hash(Array(LibAV.versions.utf8))

  /// The table as bytes for the index: a version, the content, a checksum.
  package var blob: [UInt8] {
    var writer = ByteWriter(capacity: 256 + index.pts.count)
    writer.write(PacketTable.version)
    writer.write(PacketTable.libraries)
    info.encode(to: &writer)
    writer.write(identity)
    writer.write(format)
    parameters.encode(to: &writer)
    writer.write(varint: UInt64(firstOrder))
    index.encode(to: &writer)
    writer.write(!positions.isEmpty)
    var previous: Int64 = 0
    for position in positions {
      writer.write(zigzag: position &- previous)
      previous = position
    }
    writer.write(XXH3.hash(writer.bytes))
    return writer.bytes
  }

  /// The table in bytes of an index; nil if another version of Sluice or other libav libraries wrote it.
  ///
  /// - Throws: `WireError` for bytes that `blob` did not write.
  package static func read(_ blob: [UInt8]) throws(WireError) -> PacketTable? {
    do {
      return try PacketTable(blob: blob)
    } catch {
      guard error.code == .version else { throw error }
      return nil
    }
  }

  /// - Throws: `WireError`: `.version` for a table of another version of Sluice or of other libav libraries, others for
  ///   bytes that `blob` did not write.
  package init(blob: [UInt8]) throws(WireError) {
    guard blob.count > 8 else { throw WireError(.short, "a packet table of \(blob.count) bytes") }
    var checksum = ByteReader(Array(blob.suffix(8)))
    guard try checksum.readUInt64() == XXH3.hash(Array(blob.dropLast(8))) else {
      throw WireError(.checksum, "a packet table is damaged")
    }
    var reader = ByteReader(Array(blob.dropLast(8)))
    guard try reader.readUInt8() == PacketTable.version, try reader.readUInt64() == PacketTable.libraries else {
      throw WireError(.version, "a packet table of another version")
    }
    info = try VideoInfo(from: &reader)
    identity = try reader.readUInt64()
    format = try reader.readString()
    parameters = try StreamParameters(from: &reader)
    guard let firstOrder = Int(exactly: try reader.readVarint()), firstOrder <= PacketTable.packetLimit else {
      throw WireError(.value, "a packet table starts too late")
    }
    self.firstOrder = firstOrder
    index = try PacketIndex(from: &reader, frameCount: info.frameCount)
    var positions: [Int64] = []
    if try reader.readBool() {
      var position: Int64 = 0
      for _ in index.keyframes {
        position &+= try reader.readZigzag()
        positions.append(position)
      }
    }
    self.positions = positions
    try reader.finish()
  }
}

extension PacketTable: WireCodable {
  package func encode(to writer: inout ByteWriter) { writer.write(blob) }
  package init(from reader: inout ByteReader) throws(WireError) { try self.init(blob: try reader.readBytes()) }
}

extension VideoInfo {
  func encode(to writer: inout ByteWriter) {
    for number in [frameCount, width, height, byteCount] { writer.write(varint: UInt64(number)) }
    writer.write(framesPerSecond)
    writer.write(durationSeconds)
    writer.write(codec)
  }

  init(from reader: inout ByteReader) throws(WireError) {
    var numbers: [Int] = []
    for _ in 0..<4 {
      guard let number = Int(exactly: try reader.readVarint()) else { throw WireError(.value, "no video is so large") }
      numbers.append(number)
    }
    let (framesPerSecond, durationSeconds) = (try reader.readDouble(), try reader.readDouble())
    guard framesPerSecond.isFinite, durationSeconds.isFinite else { throw WireError(.value, "no video lasts so long") }
    self.init(
      frameCount: numbers[0], width: numbers[1], height: numbers[2], framesPerSecond: framesPerSecond,
      durationSeconds: durationSeconds, codec: try reader.readString(), byteCount: numbers[3])
  }
}
