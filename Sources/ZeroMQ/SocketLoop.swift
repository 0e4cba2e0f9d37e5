internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// The sockets and timers of one `SocketThread`, used on that thread only.
final class SocketLoop {
  private final class Watch {
    let socket: Socket
    let onReadable: () -> Void
    var isActive = true

    init(socket: Socket, onReadable: @escaping () -> Void) {
      self.socket = socket
      self.onReadable = onReadable
    }
  }

  private let wakeup: Int32
  private var watches: [Watch] = []
  private var timers = TimerQueue()
  private var items: [zmq_pollitem_t] = []

  /// - Parameter wakeup: an event counter that ends a wait.
  init(wakeup: Int32) {
    self.wakeup = wakeup
  }

  func watch(_ socket: Socket, onReadable: @escaping () -> Void) {
    unwatch(socket)
    watches.append(Watch(socket: socket, onReadable: onReadable))
  }

  func unwatch(_ socket: Socket) {
    remove { $0.socket === socket }
  }

  func schedule(after delay: Duration, _ body: @escaping () -> Void) -> TimerToken {
    timers.insert(deadline: Self.now().addingDuration(delay), body)
  }

  func cancel(_ token: TimerToken) {
    _ = timers.cancel(token)
  }

  func removeAll() {
    remove { _ in true }
    let removed = timers
    timers = TimerQueue()
    withExtendedLifetime(removed) {}
  }

  /// Runs the timers that are due now; what they schedule waits for the next turn.
  func fireTimers() {
    let now = Self.now()
    while let body = timers.popDue(at: now) { body() }
  }

  /// Waits until a socket is readable, a timer is due or the event counter is raised, and calls back for each readable
  /// socket once.
  func poll(canWait: Bool) {
    remove { $0.socket.isClosed }
    items.removeAll(keepingCapacity: true)
    items.append(zmq_pollitem_t(socket: nil, fd: wakeup, events: Int16(ZMQ_POLLIN), revents: 0))
    for watch in watches {
      items.append(zmq_pollitem_t(socket: watch.socket.handle, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    let timeout = canWait ? waitMilliseconds() : 0
    let status = items.withUnsafeMutableBufferPointer { items in
      zmq_poll(items.baseAddress, Int32(items.count), timeout)
    }
    if status < 0 {
      // A context was shut down (or a signal came, and then nothing is found).
      if zmq_errno() != EINTR { dismissTerminated() }
      return
    }
    guard status > 0 else { return }
    if items[0].revents != 0 { sluice_eventfd_clear(wakeup) }
    // Callbacks watch and unwatch: go through the sockets that were polled.
    let readable = zip(watches, items.dropFirst()).filter { $0.1.revents != 0 }.map { $0.0 }
    for watch in readable where watch.isActive && !watch.socket.isClosed { watch.onReadable() }
  }

  /// Stops watching the sockets whose context is gone, and tells their owners.
  private func dismissTerminated() {
    let terminated = watches.filter { $0.socket.isTerminated }
    for watch in terminated where watch.isActive {
      remove { $0 === watch }
      watch.onReadable()
    }
  }

  private func remove(where isUnwanted: (Watch) -> Bool) {
    guard watches.contains(where: isUnwanted) else { return }
    var removed: [Watch] = []
    watches.removeAll { watch in
      guard isUnwanted(watch) else { return false }
      watch.isActive = false
      removed.append(watch)
      return true
    }
    // Released only now that the array is whole again: what a closure holds may come back here when it is freed.
    withExtendedLifetime(removed) {}
  }

  /// Until the next timer, rounded up; -1 without one.
  private func waitMilliseconds() -> Int {
    guard let deadline = timers.nextDeadline() else { return -1 }
    let now = Self.now()
    guard deadline > now else { return 0 }
    return Int(min((deadline - now + 999_999) / 1_000_000, UInt64(Int32.max)))
  }

  /// Nanoseconds of the monotonic clock.
  private static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

extension UInt64 {
  /// `self` + `duration` in nanoseconds; a negative duration counts as none, one too long as the end of time.
  fileprivate func addingDuration(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard duration > .zero else { return self }
    let (nanoseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowOfSum) = addingReportingOverflow(nanoseconds)
    let (total, overflowOfTotal) = sum.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
    return overflow || overflowOfSum || overflowOfTotal ? .max : total
  }
}
