internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// A ZeroMQ context: the I/O threads and the name space of inproc endpoints.
///
/// Thread-safe. `terminate()` returns whatever state the sockets are in: when some are still open, the context's
/// memory goes with the last of them.
package final class Context: Sendable {
  fileprivate struct State {
    var openSocketCount = 0
    var isShutDown = false
    var isTerminating = false
    /// `zmq_ctx_term` was called, or is about to be: the handle may no longer be used.
    var isGone = false
  }

  // Immutable; libzmq's context calls are thread-safe, and `state` guards its use after the end.
  private nonisolated(unsafe) let handle: UnsafeMutableRawPointer
  private let state = Monitor(State())

  /// - Parameters:
  ///   - ioThreads: libzmq's background threads; one carries about 1 GB/s.
  ///   - maxSockets: most sockets open at a time.
  package init(ioThreads: Int = 1, maxSockets: Int = 4096) throws(ZeroMQError) {
    guard let handle = zmq_ctx_new() else { throw .last("context") }
    let settings = [
      (ZMQ_IO_THREADS, "ioThreads", ioThreads), (ZMQ_MAX_SOCKETS, "maxSockets", maxSockets),
      (ZMQ_BLOCKY, "blocky", 0),
    ]
    for (option, name, value) in settings
    where zmq_ctx_set(handle, option, Int32(clamping: value)) != 0 {
      let error = ZeroMQError.last("context \(name) = \(value)")
      zmq_ctx_term(handle)
      throw error
    }
    self.handle = handle
  }

  deinit {
    terminate()
  }

  /// From now on the process keeps memory that is freed for later messages. For who receives messages of megabytes all the
  /// time: otherwise most of each is mapped, and cleared by the kernel, anew. Call before anything large is allocated.
  package static func keepFreedMemory() { sluice_keep_freed_memory() }

  /// Makes every blocking call on the context's sockets, and every later one, fail with `.terminated`. Idempotent.
  package func shutdown() {
    state.withLock { state in
      guard !state.isShutDown, !state.isGone else { return }
      state.isShutDown = true
      zmq_ctx_shutdown(handle)
    }
  }

  /// Shuts down and frees the context: at once when every socket is closed (after waiting out their linger times),
  /// otherwise when the last one closes. It never waits for a socket that is still open. Idempotent.
  ///
  /// Never call it from the `deinit` of a message's owner: that may run on the I/O thread for which this waits.
  package func terminate() {
    shutdown()
    let isLast = state.withLock { state in
      state.isTerminating = true
      return state.takeEnd()
    }
    if isLast { free() }
  }

  /// True once `terminate()` was called and the last socket is closed.
  package var isTerminated: Bool { state.withLock { $0.isGone } }

  /// A new socket's handle; `release` must follow.
  func makeSocket(_ type: Int32) throws(ZeroMQError) -> UnsafeMutableRawPointer {
    let (socket, status) = state.withLock { state -> (UnsafeMutableRawPointer?, Int32) in
      guard !state.isShutDown else { return (nil, sluice_zmq_eterm()) }
      guard let socket = zmq_socket(handle, type) else { return (nil, zmq_errno()) }
      state.openSocketCount += 1
      return (socket, 0)
    }
    guard let socket else { throw .from(status: status, "socket") }
    return socket
  }

  /// Closes a socket of `makeSocket`.
  func release(_ socket: UnsafeMutableRawPointer) {
    zmq_close(socket)
    let isLast = state.withLock { state in
      state.openSocketCount -= 1
      return state.takeEnd()
    }
    if isLast { free() }
  }

  private func free() {
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }
}

extension Context.State {
  /// True once: when the context is to end and no socket is open.
  fileprivate mutating func takeEnd() -> Bool {
    guard isTerminating, openSocketCount == 0, !isGone else { return false }
    isGone = true
    return true
  }
}
