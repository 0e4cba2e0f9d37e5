package import Tensors
package import Wire
package import ZeroMQ

extension LeaseMessage: WireCodable {
  package func encode(to writer: inout ByteWriter) { entries.encode(to: &writer) }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(entries: try [Entry](from: &reader))
  }
}

extension MessagePart {
  /// The first `count` bytes of a buffer, sent without a copy.
  package convenience init(_ buffer: AlignedBuffer, from offset: Int = 0, count: Int) {
    self.init(sharing: UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<(offset + count)]), owner: buffer)
  }
}
