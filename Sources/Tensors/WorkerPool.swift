import Foundation

/// A few threads that share the tasks of one computation; sleeping, not spinning, between computations.
///
/// What a task computes may depend on its index but never on the worker that runs it: then results have the same bits
/// for any number of threads. One caller at a time, and no task may call `run`; `run` blocks until every task is done.
package final class WorkerPool: @unchecked Sendable {
  // Sendable: all mutable state is guarded by `condition`.

  /// A task's index, and the index of the worker that runs it (0 is the caller), for scratch memory.
  package typealias Body = (_ task: Int, _ worker: Int) -> Void

  /// Number of workers, the calling thread included; at least 1.
  package let workerCount: Int

  private let state: State
  private var threads: [Thread] = []

  /// - Parameter threads: workers including the caller; values below 1 count as 1.
  package init(threads count: Int) {
    workerCount = max(count, 1)
    state = State()
    for worker in 1..<max(workerCount, 1) {
      let state = state
      let thread = Thread { state.serve(worker: worker) }
      thread.name = "tensors-\(worker)"
      thread.stackSize = 8 << 20
      thread.start()
      threads.append(thread)
    }
  }

  deinit { state.stop() }

  /// Runs `body` for every task in 0..<count, on this thread and the pool's; returns when all are done.
  package func run(_ count: Int, _ body: Body) {
    guard count > 1, workerCount > 1 else {
      for task in 0..<max(count, 0) { body(task, 0) }
      return
    }
    withoutActuallyEscaping(body) { state.run(count, $0) }
  }
}

extension WorkerPool {
  /// The shared part, which outlives the pool for as long as its threads run.
  private final class State: @unchecked Sendable {
    // Sendable: every property is read and written with `condition` held, except `body`, which is fixed while a
    // computation runs.
    private let condition = NSCondition()
    private var body: Body?
    private var next = 0
    private var count = 0
    private var running = 0
    private var stopped = false

    func run(_ count: Int, _ body: @escaping Body) {
      condition.lock()
      self.body = body
      self.count = count
      next = 0
      condition.broadcast()
      drain(worker: 0)
      while running > 0 { condition.wait() }
      self.body = nil
      self.count = 0
      condition.unlock()
    }

    func serve(worker: Int) {
      condition.lock()
      while !stopped {
        if next < count { drain(worker: worker) } else { condition.wait() }
      }
      condition.unlock()
    }

    func stop() {
      condition.lock()
      stopped = true
      condition.broadcast()
      condition.unlock()
    }

    /// Takes tasks until none is left; called, and returns, with the lock held.
    private func drain(worker: Int) {
      guard let body else { return }
      while next < count {
        let task = next
        next += 1
        running += 1
        condition.unlock()
        body(task, worker)
        condition.lock()
        running -= 1
      }
      if running == 0 { condition.broadcast() }
    }
  }
}
