/// A named thread that runs closures in the order of their submission: decoding and training, which must not hold up
/// the cooperative pool. Thread-safe.
package final class WorkThread: @unchecked Sendable {
  // Sendable: all state is in the monitor.
  fileprivate struct State {
    /// Emptied one by one, so that what a closure holds is freed as soon as it has run.
    var queue: [(@Sendable () -> Void)?] = []
    /// Index in `queue` of the next closure to run.
    var head = 0
    var isStopping = false
    /// A thread is running, or on its way.
    var isAlive = true
  }

  private let name: String
  private let monitor = Monitor(State())
  private let identity = ThreadIdentity()

  package init(name: String) {
    self.name = name
    start()
  }

  /// Runs `body` after everything submitted before. Every body runs: one that comes after `stop()` gets a thread for
  /// itself.
  package func submit(_ body: @escaping @Sendable () -> Void) {
    let needsThread = monitor.withLock { state in
      state.queue.append(body)
      defer { state.isAlive = true }
      return !state.isAlive
    }
    if needsThread { start() } else { monitor.wakeAll() }
  }

  /// Closures that have not begun.
  package var queuedCount: Int {
    monitor.withLock { $0.queue.count - $0.head }
  }

  /// Ends the thread after the closures already submitted, and waits for that unless called on the thread itself.
  /// Idempotent.
  package func stop() {
    monitor.withLock { $0.isStopping = true }
    monitor.wakeAll()
    guard !identity.isCurrent else { return }
    monitor.wait { $0.isAlive ? nil : () }
  }

  private func start() {
    startThread(name: name) { [self] in
      identity.enter()
      while case .run(let body) = monitor.wait(for: { $0.next() }) { body() }
      monitor.wakeAll()
    }
  }
}

extension WorkThread {
  fileprivate enum Step {
    case run(@Sendable () -> Void)
    case end
  }
}

extension WorkThread.State {
  /// What the thread does next; `nil`: it waits.
  fileprivate mutating func next() -> WorkThread.Step? {
    guard head < queue.count else {
      guard isStopping else { return nil }
      isAlive = false
      return .end
    }
    let body = queue[head]
    queue[head] = nil
    head += 1
    if head == queue.count || head > 1024 {
      queue.removeFirst(head)
      head = 0
    }
    return body.map { .run($0) }
  }
}
