import Pipeline
import Tensors
import Testing
import Wire
import ZeroMQ

/// Messages made byte by byte, as `docs/wire-format.md` has them: what decodes from them is checked against the bytes.
enum TestMessages {
  static func key(
    _ kind: ItemKind = .training, step: Int = 3, index: Int = 1, slot: Int = 0, attempt: Int = 0
  ) -> ItemKey {
    ItemKey(group: GroupKey(kind: kind, step: step, index: index), slot: slot, attempt: attempt)
  }

  static func tensor(_ dimensions: [Int], checksum: UInt64 = 0) -> TensorDescriptor {
    TensorDescriptor(
      elementType: .uint8, layout: dimensions.count == 4 ? .thwc : dimensions.count == 5 ? .nthwc : .flat,
      dimensions: dimensions, compression: .none, storedByteCount: dimensions.reduce(1, *), checksum: checksum)
  }

  /// A header for a clip of (1, 1, bytes / 3, 3).
  static func clipHeader(_ key: ItemKey, owner: Int, bytes: Int, labels: [Int] = [4]) -> ClipHeader {
    var writer = ByteWriter()
    key.encode(to: &writer)
    writer.write(owner)
    labels.encode(to: &writer)
    tensor([1, 1, bytes / 3, 3], checksum: key.stableHash).encode(to: &writer)
    do throws(WireError) {
      return try ClipHeader(body: writer.bytes)
    } catch {
      preconditionFailure("the clip header of \(key): \(error)")
    }
  }

  /// A clip of 12 bytes that says whose it is.
  static func clip(_ key: ItemKey, bytes: Int = 12) -> MessagePart {
    MessagePart(bytes: (0..<bytes).map { UInt8(truncatingIfNeeded: key.stableHash >> UInt64(8 * ($0 % 8))) })
  }
}
