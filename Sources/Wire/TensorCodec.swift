internal import CLZ4
package import Tensors

/// Tensors to and from the payload frame of a message.
package enum TensorCodec {
  /// LZ4 makes at most 255 bytes out of one, and a few at the start.
  private static let maximumExpansion = 255

  /// LZ4 must save a quarter of a tensor, or packing and unpacking take longer than a link of 1 Gb/s needs for the rest.
  private static let largestWorthwhileShare = 0.75
  private static let (probeCount, probeByteCount) = (4, 8 << 10)

  /// Checksums and packs a tensor. LZ4 gives way to `.none` when a probe of a large tensor would shrink by less than a
  /// quarter, as camera footage does, when it would not shrink the bytes at all, and for more than 2 GB.
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
    let byteCount = try checkedByteCount(of: descriptor, payload: payload, maximumByteCount: maximumByteCount)
    let buffer = AlignedBuffer(byteCount: byteCount)
    try decode(descriptor, payload: payload, seed: seed, into: buffer.bytes)
    return buffer
  }

  /// Unpacks a payload into memory of the tensor's size and verifies it there.
  ///
  /// - Throws: as the other; with `.compression` or `.checksum`, `target` holds anything.
  package static func decode(
    _ descriptor: TensorDescriptor, payload: UnsafeRawBufferPointer, seed: UInt64,
    into target: UnsafeMutableRawBufferPointer
  ) throws(WireError) {
    let byteCount = try checkedByteCount(of: descriptor, payload: payload, maximumByteCount: target.count)
    guard byteCount == target.count else {
      throw WireError(.shape, "a tensor of \(byteCount) bytes where \(target.count) are expected")
    }
    switch descriptor.compression {
    case .none: try check(copy(payload, into: target, seed: seed), descriptor)
    case .lz4:
      try decompress(payload, into: target)
      try verify(UnsafeRawBufferPointer(target), descriptor, seed: seed)
    }
  }

  /// Copies and hashes piece by piece, so that memory is read once.
  private static func copy(
    _ payload: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, seed: UInt64
  ) -> UInt64 {
    var hash = XXH3.Stream(seed: seed)
    for start in stride(from: 0, to: payload.count, by: pieceByteCount) {
      let piece = UnsafeRawBufferPointer(rebasing: payload[start..<min(start + pieceByteCount, payload.count)])
      UnsafeMutableRawBufferPointer(rebasing: target[start..<start + piece.count]).copyMemory(from: piece)
      hash.update(piece)
    }
    return hash.digest()
  }

  private static let pieceByteCount = 16 << 10

  /// Verifies a payload; what is not packed is read where it is.
  ///
  /// - Throws: as `decode`.
  package static func verify(
    _ descriptor: TensorDescriptor, payload: UnsafeRawBufferPointer, seed: UInt64, maximumByteCount: Int
  ) throws(WireError) {
    guard descriptor.compression == .none else {
      _ = try decode(descriptor, payload: payload, seed: seed, maximumByteCount: maximumByteCount)
      return
    }
    _ = try checkedByteCount(of: descriptor, payload: payload, maximumByteCount: maximumByteCount)
    try verify(payload, descriptor, seed: seed)
  }

  private static func verify(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: TensorDescriptor, seed: UInt64
  ) throws(WireError) {
    try check(checksum(bytes, seed: seed), descriptor)
  }

  private static func check(_ checksum: UInt64, _ descriptor: TensorDescriptor) throws(WireError) {
    guard checksum == descriptor.checksum else {
      throw WireError(.checksum, "the tensor's checksum is wrong: it was damaged, or belongs to another item")
    }
  }

  /// Size of the tensor in bytes, if a payload of this length can hold it.
  ///
  /// - Throws: `.shape`, `.tooLarge`, `.short`, `.trailing` or `.compression`.
  package static func checkedByteCount(
    of descriptor: TensorDescriptor, payload: UnsafeRawBufferPointer, maximumByteCount: Int
  ) throws(WireError) -> Int {
    let byteCount = try descriptor.checkedByteCount()
    guard byteCount <= maximumByteCount else {
      throw WireError(.tooLarge, "a tensor of \(byteCount) bytes; at most \(maximumByteCount) are expected here")
    }
    guard payload.count == descriptor.storedByteCount else {
      throw WireError(
        payload.count < descriptor.storedByteCount ? .short : .trailing,
        "a payload of \(payload.count) bytes, \(descriptor.storedByteCount) announced")
    }
    guard descriptor.compression == .lz4 else { return byteCount }
    guard byteCount <= LZ4_MAX_INPUT_SIZE else {
      throw WireError(.tooLarge, "\(byteCount) bytes in one LZ4 block; at most \(LZ4_MAX_INPUT_SIZE) are possible")
    }
    guard byteCount <= maximumExpansion * (payload.count + 16) else {
      throw WireError(.compression, "\(payload.count) LZ4 bytes cannot hold the \(byteCount) announced")
    }
    return byteCount
  }

  package static func checksum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
    XXH3.hash(bytes, seed: seed)
  }

  /// `nil` when LZ4 does not make it smaller, or too little to be worth it.
  private static func compressed(_ buffer: AlignedBuffer) -> (AlignedBuffer, Int)? {
    guard buffer.byteCount > 1, buffer.byteCount <= LZ4_MAX_INPUT_SIZE, probeShrinks(buffer) else { return nil }
    // One byte less than the input: LZ4 gives up by itself when there is nothing to gain.
    let payload = AlignedBuffer(byteCount: buffer.byteCount - 1)
    let byteCount = LZ4_compress_default(
      buffer.bytes.baseAddress, payload.bytes.baseAddress, Int32(buffer.byteCount), Int32(payload.byteCount))
    return byteCount > 0 ? (payload, Int(byteCount)) : nil
  }

  /// Whether pieces from all over a large tensor shrink enough. A function of the bytes alone.
  private static func probeShrinks(_ buffer: AlignedBuffer) -> Bool {
    guard buffer.byteCount >= 8 * probeCount * probeByteCount else { return true }
    return withUnsafeTemporaryAllocation(byteCount: 2 * probeByteCount, alignment: 64) { scratch in
      var packed = 0
      for number in 0..<probeCount {
        let piece = buffer.bytes.baseAddress! + buffer.byteCount / probeCount * number
        packed += Int(
          LZ4_compress_default(piece, scratch.baseAddress, Int32(probeByteCount), Int32(scratch.count)))
      }
      return Double(packed) < largestWorthwhileShare * Double(probeCount * probeByteCount)
    }
  }

  private static func decompress(
    _ payload: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(WireError) {
    let count = LZ4_decompress_safe(
      payload.baseAddress, target.baseAddress, Int32(payload.count), Int32(target.count))
    guard count == target.count else {
      throw WireError(
        .compression, count < 0 ? "the LZ4 block is damaged" : "the LZ4 block holds \(count) bytes, not \(target.count)"
      )
    }
  }
}
