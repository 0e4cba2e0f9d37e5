import Synchronization
package import Tensors
package import Topology
package import Wire
package import ZeroMQ

/// What a worker sends to one host: packs tensors for it, or not, counts them, and measures the link where packing depends on it.
/// Thread-safe.
package final class OutgoingLink: Sendable {
  /// For `status` and `top`.
  package struct Load: Sendable, Codable, Equatable {
    package var host: String
    /// Bytes of all tensors that were sent, and of the frames they were sent in.
    package var tensorBytes: Int
    package var sentBytes: Int
    /// What `links.compression: auto` has measured and chosen; nil for others.
    package var measured: Measured?

    package struct Measured: Sendable, Codable, Equatable {
      package var isPacking: Bool
      /// What packing leaves of the bytes; nil before it was tried.
      package var packedShare: Double?
      /// What the link carries when it is busy.
      package var bytesPerSecond: Double?
    }
  }

  private struct State {
    var choice = PackingChoice()
    var tensorBytes = 0
    var sentBytes = 0
    /// When the link had sent all that was handed to it before.
    var freeAt = 0.0
  }

  private let host: String
  /// Nil within the host, where copying bytes costs less than packing them.
  private let compression: Topology.Links.Compression?
  private let state = Mutex(State())

  package init(host: String, compression: Topology.Links.Compression?) {
    self.host = host
    self.compression = compression
  }

  package var load: Load {
    state.withLock { state in
      let choice = state.choice
      let measured = Load.Measured(
        isPacking: choice.isPacking, packedShare: choice.packedShare, bytesPerSecond: choice.bytesPerSecond)
      return Load(
        host: host, tensorBytes: state.tensorBytes, sentBytes: state.sentBytes,
        measured: compression == .auto ? measured : nil)
    }
  }

  /// Checksums a tensor and packs it if it is to be; see ``TensorCodec``.
  package func pack(
    _ buffer: AlignedBuffer, layout: TensorLayout, dimensions: [Int], seed: UInt64
  ) -> (descriptor: TensorDescriptor, payload: MessagePart) {
    let packs =
      switch compression {
      case .lz4: true
      case .auto: state.withLock { $0.choice.packsNext() }
      case .some(.none), nil: false
      }
    let began = Monotonic.seconds()
    let encoded = TensorCodec.encode(
      buffer, elementType: .uint8, layout: layout, dimensions: dimensions, compression: packs ? .lz4 : .none, seed: seed
    )
    state.withLock {
      $0.tensorBytes += buffer.byteCount
      $0.sentBytes += encoded.payloadByteCount
    }
    guard compression == .auto else {
      return (encoded.descriptor, MessagePart(encoded.payload, count: encoded.payloadByteCount))
    }
    let now = Monotonic.seconds()
    if packs {
      state.withLock {
        $0.choice.packed(bytes: buffer.byteCount, remaining: encoded.payloadByteCount, seconds: now - began)
      }
    }
    let passage = Passage(link: self, buffer: encoded.payload, byteCount: encoded.payloadByteCount)
    let bytes = UnsafeRawBufferPointer(rebasing: encoded.payload.bytes[..<encoded.payloadByteCount])
    return (encoded.descriptor, MessagePart(sharing: bytes, owner: passage))
  }

  private func sent(bytes: Int, handedOverAt: Double) {
    let now = Monotonic.seconds()
    state.withLock {
      $0.choice.carried(bytes: bytes, seconds: now - max(handedOverAt, $0.freeAt))
      $0.freeAt = now
    }
  }

  /// Owns the bytes of one message until libzmq has given the last of them to the kernel; that moment is what the link's rate
  /// is measured by.
  private final class Passage: Sendable {
    private let link: OutgoingLink
    private let buffer: AlignedBuffer
    private let byteCount: Int
    private let handedOverAt = Monotonic.seconds()

    init(link: OutgoingLink, buffer: AlignedBuffer, byteCount: Int) {
      self.link = link
      self.buffer = buffer
      self.byteCount = byteCount
    }

    deinit { link.sent(bytes: byteCount, handedOverAt: handedOverAt) }
  }
}
