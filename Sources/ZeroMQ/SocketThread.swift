internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// A named thread that owns sockets and is the serial executor of the actors that use them.
///
/// Its loop blocks in `zmq_poll` over the watched sockets and an event counter that `enqueue` raises. An actor runs on
/// it by returning `asUnownedSerialExecutor()` as its `unownedExecutor`, and keeps it alive. The thread lives until
/// `stop()`.
package final class SocketThread: SerialExecutor, @unchecked Sendable {
  // Sendable: `monitor` guards what other threads touch; `loop` is touched on the thread only.

  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct State {
    var queue: [Work] = []
    var isStopping = false
    /// A thread is running, or on its way.
    var isAlive = true
  }

  package let name: String
  private let monitor = Monitor(State())
  private let identity = ThreadIdentity()
  private let wakeup: Int32
  private let loop: SocketLoop
  /// On the thread only.
  private var isEnding = false

  package init(name: String) {
    self.name = name
    wakeup = sluice_eventfd_create()
    guard wakeup >= 0 else {
      fatalError("cannot make the event counter of thread \(name): \(String(cString: strerror(errno)))")
    }
    loop = SocketLoop(wakeup: wakeup)
    start()
  }

  deinit {
    Glibc.close(wakeup)
  }

  /// True on the thread itself.
  package var isCurrent: Bool { identity.isCurrent }

  // MARK: SerialExecutor

  package func enqueue(_ job: consuming ExecutorJob) {
    add(.job(UnownedJob(job)))
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  package func checkIsolated() {
    precondition(isCurrent, "not on the socket thread \(name)")
  }

  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  // MARK: On the thread only

  /// Calls `onReadable` whenever `socket` has something to receive, until `unwatch` or the socket's `close`.
  ///
  /// `onReadable` receives with `wait: false`; whatever it leaves makes it called again, after other jobs, so a
  /// callback that takes a bounded number of messages lets nobody starve. When the socket's context is shut down it is
  /// called a last time, and its `receive` throws `.terminated`. After `stop()` nothing is watched.
  package func watch(_ socket: Socket, onReadable: @escaping () -> Void) {
    checkIsolated()
    if !isEnding { loop.watch(socket, onReadable: onReadable) }
  }

  package func unwatch(_ socket: Socket) {
    checkIsolated()
    loop.unwatch(socket)
  }

  /// Runs `body` on the thread after `delay`, unless `stop()` comes first.
  package func schedule(after delay: Duration, _ body: @escaping () -> Void) -> TimerToken {
    checkIsolated()
    let token = loop.schedule(after: delay, body)
    if isEnding { loop.cancel(token) }
    return token
  }

  /// Does nothing when the timer has fired already.
  package func cancel(_ token: TimerToken) {
    checkIsolated()
    loop.cancel(token)
  }

  // MARK: From any thread

  /// Runs `body` on the thread, after the jobs that were enqueued before.
  package func perform(_ body: @escaping @Sendable () -> Void) {
    add(.closure(body))
  }

  /// Ends the loop after the jobs already queued, dropping watches and timers, and waits for that unless called on the
  /// thread itself. Idempotent. A job that comes later still runs, on a thread started for it: no task waits forever.
  package func stop() {
    monitor.withLock { $0.isStopping = true }
    sluice_eventfd_signal(wakeup)
    guard !isCurrent else { return }
    monitor.wait { $0.isAlive ? nil : () }
  }

  private func add(_ work: Work) {
    let (wasEmpty, needsThread) = monitor.withLock { state in
      defer {
        state.queue.append(work)
        state.isAlive = true
      }
      return (state.queue.isEmpty, !state.isAlive)
    }
    if needsThread {
      start()
    } else if wasEmpty, !isCurrent {
      sluice_eventfd_signal(wakeup)
    }
  }

  private func start() {
    startThread(name: name) { self.run() }
  }

  // MARK: The loop

  private func run() {
    identity.enter()
    var batch: [Work] = []
    while true {
      // One batch: jobs that keep enqueueing jobs let sockets and timers have their turn.
      let isStopping = monitor.withLock { state in
        swap(&batch, &state.queue)
        return state.isStopping
      }
      for work in batch { run(work) }
      batch.removeAll(keepingCapacity: true)
      if isStopping {
        if end() { return }
        continue
      }
      loop.fireTimers()
      loop.poll(canWait: monitor.withLock { $0.queue.isEmpty && !$0.isStopping })
    }
  }

  private func run(_ work: Work) {
    switch work {
    case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
    case .closure(let body): body()
    }
  }

  /// True when nothing is queued any more and the thread may go.
  private func end() -> Bool {
    isEnding = true
    loop.removeAll()
    let isOver = monitor.withLock { state in
      guard state.queue.isEmpty else { return false }
      identity.leave()
      state.isAlive = false
      return true
    }
    if isOver { monitor.wakeAll() }
    return isOver
  }
}
