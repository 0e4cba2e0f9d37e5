internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// A ZeroMQ socket. Not thread-safe: make, use and close it on one thread (a `SocketThread`).
package final class Socket {
  package let kind: SocketKind
  let context: Context
  /// Kept as long as the sockets they guard.
  var gatekeepers: [Gatekeeper] = []
  private(set) var handle: UnsafeMutableRawPointer?

  package init(_ kind: SocketKind, in context: Context, options: SocketOptions = .init()) throws(ZeroMQError) {
    self.kind = kind
    self.context = context
    let handle = try context.makeSocket(kind.type)
    do {
      try options.apply(to: handle, kind: kind)
    } catch {
      context.release(handle)
      throw error
    }
    self.handle = handle
  }

  deinit {
    close()
  }

  package var isClosed: Bool { handle == nil }

  /// Listens on `endpoint`: `tcp://127.0.0.1:*`, `ipc://@name` (abstract: no file), `inproc://name`.
  ///
  /// - Returns: the endpoint bound to, with wildcards filled in.
  package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    guard let handle else { throw .closed("bind") }
    adaptBuffer(handle, to: endpoint)
    guard zmq_bind(handle, endpoint) == 0 else { throw .last("bind", endpoint: endpoint) }
    var count = 1024
    let name = [CChar](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, buffer.baseAddress, &count) == 0 ? count : 0
    }
    // libzmq counts the terminating zero; without a name, what was asked for is what is bound.
    return name.isEmpty ? endpoint : String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The kernel's buffer of the connections that follow. A Unix socket holds little by default, and two processes take turns
  /// over a message of a megabyte; tcp's buffers grow by themselves, and stop doing so when they are set.
  private func adaptBuffer(_ handle: UnsafeMutableRawPointer, to endpoint: String) {
    var bytes: Int32 = endpoint.hasPrefix("ipc://") ? 4 << 20 : -1
    // The kernel gives as much of it as it allows.
    zmq_setsockopt(handle, ZMQ_SNDBUF, &bytes, MemoryLayout<Int32>.size)
  }

  /// Connects in the background, and again whenever the connection breaks.
  package func connect(_ endpoint: String) throws(ZeroMQError) {
    guard let handle else { throw .closed("connect") }
    adaptBuffer(handle, to: endpoint)
    guard zmq_connect(handle, endpoint) == 0 else { throw .last("connect", endpoint: endpoint) }
  }

  /// Ends a connection made by `connect` with the same text; unknown ones are ignored.
  package func disconnect(_ endpoint: String) {
    if let handle { zmq_disconnect(handle, endpoint) }
  }

  /// SUB: receives messages whose first part starts with `prefix`.
  package func subscribe(_ prefix: [UInt8]) throws(ZeroMQError) {
    guard let handle else { throw .closed("subscribe") }
    guard zmq_setsockopt(handle, ZMQ_SUBSCRIBE, prefix, prefix.count) == 0 else { throw .last("subscribe") }
  }

  package func unsubscribe(_ prefix: [UInt8]) throws(ZeroMQError) {
    guard let handle else { throw .closed("unsubscribe") }
    guard zmq_setsockopt(handle, ZMQ_UNSUBSCRIBE, prefix, prefix.count) == 0 else { throw .last("unsubscribe") }
  }

  /// Sends all parts of `message`, or none. The parts' bytes are not copied (short ones apart).
  ///
  /// - Parameter wait: waits for room instead of returning `false`.
  /// - Returns: `false` when it would have to wait for room or for a first peer.
  /// - Throws: `.unreachable` when a ROUTER has no peer of the identity in the first part.
  package func send(_ message: Multipart, wait: Bool = false) throws(ZeroMQError) -> Bool {
    guard let handle else { throw .closed("send") }
    guard !message.parts.isEmpty else {
      throw ZeroMQError(code: .invalid, operation: "send", message: "the message has no parts")
    }
    var isDropped = false
    for (index, part) in message.parts.enumerated() {
      let isLast = index == message.parts.count - 1
      let flags = (isLast ? 0 : ZMQ_SNDMORE) | (wait ? 0 : ZMQ_DONTWAIT)
      let status = Self.send(part, on: handle, flags: flags)
      if status == 0 { continue }
      guard status == EAGAIN else { throw .from(status: status, "send") }
      if index == 0 { return false }
      // The peer went away between two parts: libzmq has taken the first ones back, and swallows the others.
      isDropped = true
    }
    return !isDropped
  }

  /// Receives a whole message; its parts stay in libzmq's memory until they are released.
  ///
  /// - Parameter wait: waits for a message instead of returning `nil`.
  /// - Returns: `nil` when there is none.
  package func receive(wait: Bool = false) throws(ZeroMQError) -> Multipart? {
    guard let handle else { throw .closed("receive") }
    var message = Multipart()
    while true {
      let part = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
      zmq_msg_init(part)
      let status = Self.receive(part, on: handle, flags: wait ? 0 : ZMQ_DONTWAIT)
      guard status == 0 else {
        zmq_msg_close(part)
        part.deallocate()
        if status == EAGAIN, message.parts.isEmpty { return nil }
        throw .from(status: status, "receive")
      }
      let isLast = zmq_msg_more(part) == 0
      if isLast, let user = zmq_msg_gets(part, "User-Id"), user.pointee != 0 { message.sender = String(cString: user) }
      message.parts.append(MessagePart(Message(adopting: part)))
      if isLast { return message }
    }
  }

  /// Closes the socket; messages that are not sent yet are dropped after `linger`. Idempotent.
  package func close() {
    guard let handle else { return }
    self.handle = nil
    context.release(handle)
  }

  /// True when libzmq reports that the socket can no longer be used, because its context is shut down.
  var isTerminated: Bool {
    guard let handle else { return true }
    var events: Int32 = 0
    var size = MemoryLayout<Int32>.size
    while zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size) != 0 {
      if zmq_errno() != EINTR { return true }
    }
    return false
  }

  /// The error number, or 0. A signal does not end it.
  private static func send(_ part: MessagePart, on socket: UnsafeMutableRawPointer, flags: Int32) -> Int32 {
    var copy = zmq_msg_t()
    zmq_msg_init(&copy)
    zmq_msg_copy(&copy, part.message.handle)
    while zmq_msg_send(&copy, socket, flags) < 0 {
      let status = zmq_errno()
      if status == EINTR { continue }
      zmq_msg_close(&copy)
      return status
    }
    return 0
  }

  private static func receive(
    _ part: UnsafeMutablePointer<zmq_msg_t>, on socket: UnsafeMutableRawPointer, flags: Int32
  ) -> Int32 {
    while zmq_msg_recv(part, socket, flags) < 0 {
      let status = zmq_errno()
      if status != EINTR { return status }
    }
    return 0
  }
}
