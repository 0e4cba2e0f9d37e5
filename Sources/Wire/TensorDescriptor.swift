package import Tensors

/// The order of a tensor's elements in memory. N clips, T frames, H rows, W columns, C channels.
package enum TensorLayout: UInt8, Sendable, CaseIterable, WireCodable {
  /// A window or clip: (T, H, W, C).
  case thwc = 1
  /// A batch of clips: (N, T, H, W, C).
  case nthwc = 2
  /// Anything else, row-major: labels, gradient blocks, parameters.
  case flat = 3
  /// Frames as planes, (T, H·3/2, W): luma, then U and V of half the height and width.
  case planarYUV420 = 4

  /// The number of dimensions, where the layout fixes it.
  var rank: Int? {
    switch self {
    case .thwc: 4
    case .nthwc: 5
    case .planarYUV420: 3
    case .flat: nil
    }
  }
}

/// How a tensor's bytes are packed on the wire.
package enum Compression: UInt8, Sendable, CaseIterable, WireCodable {
  case none = 0
  /// One LZ4 block.
  case lz4 = 1
}

extension ElementType: WireCodable {}

/// What a tensor frame holds. Byte-exact in `docs/wire-format.md`.
package struct TensorDescriptor: WireCodable, Sendable, Equatable {
  package static let maximumRank = 8
  package static let maximumDimension = 1 << 31

  package var elementType: ElementType
  package var layout: TensorLayout
  /// 1 to 8 of them, each 1...2^31.
  package var dimensions: [Int]
  package var compression: Compression
  /// Length of the payload frame.
  package var storedByteCount: Int
  /// XXH3-64 of the uncompressed bytes.
  package var checksum: UInt64

  package init(
    elementType: ElementType, layout: TensorLayout, dimensions: [Int], compression: Compression, storedByteCount: Int,
    checksum: UInt64
  ) {
    self.elementType = elementType
    self.layout = layout
    self.dimensions = dimensions
    self.compression = compression
    self.storedByteCount = storedByteCount
    self.checksum = checksum
  }

  /// Size of the uncompressed tensor; `nil` when it overflows.
  package var byteCount: Int? {
    var product = elementType.byteCount
    for dimension in dimensions {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      if overflow { return nil }
      product = next
    }
    return product
  }

  package func encode(to writer: inout ByteWriter) {
    elementType.encode(to: &writer)
    layout.encode(to: &writer)
    compression.encode(to: &writer)
    writer.write(UInt8(truncatingIfNeeded: dimensions.count))
    for dimension in dimensions { writer.write(UInt32(truncatingIfNeeded: dimension)) }
    writer.write(UInt64(storedByteCount))
    writer.write(checksum)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    elementType = try reader.read()
    layout = try reader.read()
    compression = try reader.read()
    let rank = Int(try reader.readUInt8())
    guard (1...Self.maximumRank).contains(rank) else {
      throw WireError(.shape, "\(rank) dimensions; 1 to \(Self.maximumRank) are possible")
    }
    dimensions = []
    for _ in 0..<rank { dimensions.append(Int(try reader.readUInt32())) }
    let stored = try reader.readUInt64()
    guard let storedByteCount = Int(exactly: stored) else {
      throw WireError(.tooLarge, "a payload of \(stored) bytes")
    }
    self.storedByteCount = storedByteCount
    checksum = try reader.readUInt64()
    _ = try checkedByteCount()
  }

  /// The size of the uncompressed tensor, of a descriptor that holds together.
  func checkedByteCount() throws(WireError) -> Int {
    guard (1...Self.maximumRank).contains(dimensions.count) else {
      throw WireError(.shape, "\(dimensions.count) dimensions; 1 to \(Self.maximumRank) are possible")
    }
    for dimension in dimensions where !(1...Self.maximumDimension).contains(dimension) {
      throw WireError(.shape, "a dimension of \(dimension) in \(dimensions); each is 1 to 2^31")
    }
    if let rank = layout.rank, rank != dimensions.count {
      throw WireError(.shape, "layout \(layout) has \(rank) dimensions, not \(dimensions)")
    }
    guard let byteCount else {
      throw WireError(.tooLarge, "\(dimensions) of \(elementType) overflow the address space")
    }
    switch compression {
    case .none:
      guard storedByteCount == byteCount else {
        throw WireError(
          .shape, "\(dimensions) of \(elementType) are \(byteCount) bytes, but \(storedByteCount) are sent")
      }
    case .lz4:
      guard storedByteCount > 0, storedByteCount < byteCount else {
        throw WireError(.compression, "\(storedByteCount) bytes announced for \(byteCount) before compression")
      }
    }
    return byteCount
  }
}
