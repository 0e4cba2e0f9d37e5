internal import CZeroMQ

/// One message part that owns its memory, or shares that of an owner which it keeps alive. Frees in `deinit`.
package struct Message: ~Copyable, @unchecked Sendable {
  // Sendable: the only reference to the message; after `init` libzmq only reads it and counts references atomically.

  // On the heap, because a short message lies inside of its zmq_msg_t and its address must not change.
  let handle: UnsafeMutablePointer<zmq_msg_t>

  /// Takes over a message that libzmq has filled.
  init(adopting handle: UnsafeMutablePointer<zmq_msg_t>) {
    self.handle = handle
    // The first zmq_msg_copy writes a flag into its source. Done here, later copies, from any thread, only read it.
    var copy = zmq_msg_t()
    zmq_msg_init(&copy)
    zmq_msg_copy(&copy, handle)
    zmq_msg_close(&copy)
  }

  /// A copy of `bytes`.
  package init(copying bytes: UnsafeRawBufferPointer) {
    self.init(adopting: Self.copy(bytes))
  }

  /// A copy of `bytes`.
  package init(_ bytes: [UInt8]) {
    self.init(adopting: bytes.withUnsafeBytes { Self.copy($0) })
  }

  /// The bytes themselves, without a copy. `owner` is kept alive until this message is gone and libzmq has sent every
  /// copy of it; it may be released on libzmq's I/O thread. Nobody may write to `bytes` meanwhile.
  package init(sharing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    guard let address = bytes.baseAddress, bytes.count > 0 else {
      self.init(copying: bytes)
      return
    }
    let handle = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
    let status = zmq_msg_init_data(
      handle, UnsafeMutableRawPointer(mutating: address), bytes.count,
      { _, owner in
        if let owner { Unmanaged<AnyObject>.fromOpaque(owner).release() }
      }, Unmanaged<AnyObject>.passRetained(owner).toOpaque())
    guard status == 0 else { fatalError("ZeroMQ: out of memory for a message header") }
    self.init(adopting: handle)
  }

  deinit {
    zmq_msg_close(handle)
    handle.deallocate()
  }

  package var byteCount: Int { zmq_msg_size(handle) }

  /// The bytes, valid inside of `body` only.
  package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(start: zmq_msg_data(handle), count: zmq_msg_size(handle)))
  }

  /// A copy of the bytes.
  package var array: [UInt8] { withUnsafeBytes { Array($0) } }

  private static func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutablePointer<zmq_msg_t> {
    let handle = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
    guard zmq_msg_init_size(handle, bytes.count) == 0 else {
      fatalError("ZeroMQ: out of memory for a message of \(bytes.count) bytes")
    }
    if let source = bytes.baseAddress, bytes.count > 0 {
      zmq_msg_data(handle)?.copyMemory(from: source, byteCount: bytes.count)
    }
    return handle
  }
}
