import Glibc
import ZeroMQ

/// Keeps the coordinator's process alive: one that is killed is started again and goes on; one that ends by itself has
/// finished, stopped or failed.
package actor CoordinatorSupervisor {
  nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let executable: String
  private let directory: RunDirectory
  private let stopAfter: Int?
  private let lifeline: Lifeline
  private var child: ChildProcess?
  private var quickDeaths = 0
  private var startedAt = 0.0
  private var isStopping = false
  private var waiter: CheckedContinuation<Int32, any Error>?
  private var outcome: Result<Int32, PipelineError>?

  private static let quickDeathsLimit = 10
  /// Exit status of a coordinator that cannot start since the run's disk is full (EX_TEMPFAIL): it is started again later.
  package static let diskFullStatus: Int32 = 75
  private static let diskFullPause = Duration.seconds(2)

  package init(executable: String, directory: RunDirectory, stopAfter: Int?, lifeline: Lifeline) {
    self.executable = executable
    self.lifeline = lifeline
    self.directory = directory
    self.stopAfter = stopAfter
    thread = SocketThread(name: "coordinator-supervisor")
  }

  /// - Returns: the exit status of the coordinator that ended by itself.
  package func run() async throws -> Int32 {
    start()
    return try await withCheckedThrowingContinuation { continuation in
      if let outcome { continuation.resume(with: outcome.mapError { $0 as any Error }) } else { waiter = continuation }
    }
  }

  /// Asks it to finish the open step; a second time ends it at once.
  package func stop() {
    child?.send(signal: isStopping ? SIGKILL : Signals.leave)
    isStopping = true
  }

  private func start() {
    do throws(PipelineError) {
      startedAt = Monotonic.seconds()
      // Asked to stop before there was a coordinator: it writes what a stopped run leaves, and ends.
      let last = isStopping ? 0 : stopAfter
      let arguments =
        ["coordinator", "--directory", directory.path] + (last.map { ["--stop-after", String($0)] } ?? [])
      child = try ChildProcess(executable: executable, arguments: arguments, lifeline: lifeline) { exit in
        self.thread.perform { self.assumeIsolated { $0.exited(exit) } }
      }
    } catch {
      end(.failure(error))
    }
  }

  private func exited(_ exit: ChildExit) {
    if exit.status == Self.diskFullStatus, exit.signal == nil, !isStopping {
      _ = thread.schedule(after: Self.diskFullPause) { self.start() }
      return
    }
    guard let signal = exit.signal else { return end(.success(exit.status)) }
    // It had not installed its handler yet.
    if isStopping, signal == Signals.leave { return start() }
    if isStopping { return end(.failure(PipelineError(.worker, "the coordinator was \(exit.description)"))) }
    quickDeaths = Monotonic.seconds() - startedAt < 10 ? quickDeaths + 1 : 0
    guard quickDeaths < Self.quickDeathsLimit else {
      return end(
        .failure(PipelineError(.worker, "the coordinator died \(quickDeaths) times in a row: signal \(signal)")))
    }
    _ = thread.schedule(after: .milliseconds(min(5000, 50 << min(quickDeaths, 7)))) { self.start() }
  }

  private func end(_ result: Result<Int32, PipelineError>) {
    guard outcome == nil else { return }
    outcome = result
    waiter?.resume(with: result.mapError { $0 as any Error })
    waiter = nil
  }
}
