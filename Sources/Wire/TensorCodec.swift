internal import CLZ4
package import Tensors

/// Tensors to and from the payload frame of a message.
package enum TensorCodec {
  /// LZ4 makes at most 255 bytes out of one, and a few at the start.
  private static let maximumExpansion = 255

  /// Checksums and packs a tensor. LZ4 gives way to `.none` when it would not shrink the bytes, and for more than 2 GB.
  ///
  /// - Parameters:
  ///   - buffer: published: nobody writes to it any more.
  ///   - dimensions: their product is the number of elements in `buffer`.
  ///   - seed: of the checksum; both ends must use the same, so a payload that belongs to another key is found out.
  /// - Returns: the first `payloadByteCount` bytes of `payload` are the frame; for `.none` it is `buffer` itself.
  package static func encode(
    _ buffer: AlignedBuffer, elementType: ElementType, layout: TensorLayout, dimensions: [Int],
    compression: Compression, seed: UInt64
  ) -> (descriptor: TensorDescriptor, payload: AlignedBuffer, payloadByteCount: Int) {
    var descriptor = TensorDescriptor(
      elementType: elementType, layout: layout, dimensions: dimensions, compression: .none,
      storedByteCount: buffer.byteCount, checksum: checksum(UnsafeRawBufferPointer(buffer.bytes), seed: seed))
    precondition(
      (try? descriptor.checkedByteCount()) == buffer.byteCount,
      "a buffer of \(buffer.byteCount) bytes is no \(layout) tensor \(dimensions) of \(elementType)")
    guard compression == .lz4, let (payload, byteCount) = compressed(buffer) else {
      return (descriptor, buffer, buffer.byteCount)
    }
    descriptor.compression = .lz4
    descriptor.storedByteCount = byteCount
    return (descriptor, payload, byteCount)
  }

  /// Unpacks a payload into a new buffer and verifies it.
  ///
  /// - Parameter maximumByteCount: the largest tensor that the reader expects; nothing is allocated for a larger one.
  /// - Throws: `.shape`, `.tooLarge`, `.short` or `.trailing` before anything is allocated, then `.compression` or
  ///   `.checksum`.
  package static func decode(
    _ descriptor: TensorDescriptor, payload: UnsafeRawBufferPointer, seed: UInt64, maximumByteCount: Int
  ) throws(WireError) -> AlignedBuffer {
    let byteCount = try descriptor.checkedByteCount()
    guard byteCount <= maximumByteCount else {
      throw WireError(.tooLarge, "a tensor of \(byteCount) bytes; at most \(maximumByteCount) are expected here")
    }
    guard payload.count == descriptor.storedByteCount else {
      throw WireError(
        payload.count < descriptor.storedByteCount ? .short : .trailing,
        "a payload of \(payload.count) bytes, \(descriptor.storedByteCount) announced")
    }
    let buffer: AlignedBuffer
    switch descriptor.compression {
    case .none:
      buffer = AlignedBuffer(byteCount: byteCount)
      buffer.bytes.copyMemory(from: payload)
    case .lz4:
      buffer = try decompressed(payload, byteCount: byteCount)
    }
    guard checksum(UnsafeRawBufferPointer(buffer.bytes), seed: seed) == descriptor.checksum else {
      throw WireError(.checksum, "the tensor's checksum is wrong: it was damaged, or belongs to another item")
    }
    return buffer
  }

  package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    XXH3.hash(bytes, seed: seed)
  }

  /// `nil` when LZ4 does not make it smaller.
  private static func compressed(_ buffer: AlignedBuffer) -> (AlignedBuffer, Int)? {
    guard buffer.byteCount > 1, buffer.byteCount <= LZ4_MAX_INPUT_SIZE else { return nil }
    // One byte less than the input: LZ4 gives up by itself when there is nothing to gain.
    let payload = AlignedBuffer(byteCount: buffer.byteCount - 1)
    let byteCount = LZ4_compress_default(
      buffer.bytes.baseAddress, payload.bytes.baseAddress, Int32(buffer.byteCount), Int32(payload.byteCount))
    return byteCount > 0 ? (payload, Int(byteCount)) : nil
  }

  private static func decompressed(
    _ payload: UnsafeRawBufferPointer, byteCount: Int
  ) throws(WireError) -> AlignedBuffer {
    guard byteCount <= LZ4_MAX_INPUT_SIZE else {
      throw WireError(.tooLarge, "\(byteCount) bytes in one LZ4 block; at most \(LZ4_MAX_INPUT_SIZE) are possible")
    }
    guard byteCount <= maximumExpansion * (payload.count + 16) else {
      throw WireError(.compression, "\(payload.count) LZ4 bytes cannot hold the \(byteCount) announced")
    }
    let buffer = AlignedBuffer(byteCount: byteCount)
    let count = LZ4_decompress_safe(
      payload.baseAddress, buffer.bytes.baseAddress, Int32(payload.count), Int32(byteCount))
    guard count == byteCount else {
      throw WireError(
        .compression, count < 0 ? "the LZ4 block is damaged" : "the LZ4 block holds \(count) bytes, not \(byteCount)")
    }
    return buffer
  }
}
