package import Tensors
package import Wire
package import ZeroMQ

extension LeaseMessage: WireCodable {
  package func encode(to writer: inout ByteWriter) { entries.encode(to: &writer) }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(entries: try [Entry](from: &reader))
  }
}

/// A lease message put together from items that are encoded already.
package struct LeaseWriter: Sendable {
  private var writer = ByteWriter(capacity: 1024)
  private var count: UInt32 = 0

  package init() { writer.write(count) }

  /// - Parameter item: as ``WorkItem`` encodes it.
  package mutating func append(_ item: ArraySlice<UInt8>, augment: WorkerID, batch: WorkerID, owner: Int) {
    writer.bytes.append(contentsOf: item)
    writer.write(augment)
    writer.write(batch)
    writer.write(owner)
    count += 1
  }

  /// As ``LeaseMessage`` encodes them.
  package var body: [UInt8] {
    var bytes = writer.bytes
    withUnsafeBytes(of: count.littleEndian) { bytes.replaceSubrange(0..<4, with: $0) }
    return bytes
  }
}

extension MessagePart {
  /// The first `count` bytes of a buffer, sent without a copy.
  package convenience init(_ buffer: AlignedBuffer, from offset: Int = 0, count: Int) {
    self.init(sharing: UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<(offset + count)]), owner: buffer)
  }
}
