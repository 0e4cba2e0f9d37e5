package import Tensors
package import Wire
package import ZeroMQ

/// A block of the flat vector as it came: a message's part, or a place in the sender's memory.
package enum ReceivedBlock: Sendable {
  /// - Parameter isTrusted: from this process: it is not checked.
  case part(MessagePart, isTrusted: Bool)
  case memory(process: Int32, address: UInt64)

  package enum Outcome: Sendable, Equatable {
    case whole
    /// Changed on the way, or of another kind than expected.
    case damaged
    /// The kernel does not let this process read the sender's memory, or it is not there: the sender has gone on since, or its
    /// process has another number here, as in a container.
    case unreadable
  }

  /// Copied, and hashed while it is in the near cache.
  private static let pieceByteCount = 128 << 10

  /// Copies the block, and widens it where it came in bfloat16.
  /// - Parameters:
  ///   - target: float32, as many elements as the block has; any contents unless the outcome is `whole`.
  ///   - pool: for what is widened.
  package func copy(
    _ tensor: TensorDescriptor, isRounded: Bool, into target: UnsafeMutableRawBufferPointer, pool: inout BufferPool
  ) -> Outcome {
    guard tensor.elementType == (isRounded ? .bfloat16 : .float32), tensor.compression == .none,
      tensor.storedByteCount == (isRounded ? target.count / 2 : target.count)
    else { return .damaged }
    guard isRounded else { return copy(tensor, into: target) }
    let rounded = pool.take(byteCount: tensor.storedByteCount)
    let outcome = copy(tensor, into: rounded.bytes)
    if outcome == .whole {
      BFloat16.widen(UnsafeRawBufferPointer(rounded.bytes), to: target.bindMemory(to: Float.self).baseAddress!)
    }
    return outcome
  }

  private func copy(_ tensor: TensorDescriptor, into target: UnsafeMutableRawBufferPointer) -> Outcome {
    switch self {
    case .part(let part, isTrusted: false):
      return part.withUnsafeBytes { (try? TensorCodec.decode(tensor, payload: $0, seed: 0, into: target)) != nil }
        ? .whole : .damaged
    case .part(let part, isTrusted: true):
      return part.withUnsafeBytes { bytes in
        guard bytes.count == target.count else { return .damaged }
        target.copyMemory(from: bytes)
        return .whole
      }
    case .memory(let process, let address):
      var hash = XXH3.Stream()
      for start in stride(from: 0, to: target.count, by: Self.pieceByteCount) {
        let piece = UnsafeMutableRawBufferPointer(
          rebasing: target[start..<min(start + Self.pieceByteCount, target.count)])
        guard ProcessMemory.read(process: process, address: address &+ UInt64(start), into: piece) else {
          return .unreadable
        }
        hash.update(UnsafeRawBufferPointer(piece))
      }
      return hash.digest() == tensor.checksum ? .whole : .unreadable
    }
  }
}
