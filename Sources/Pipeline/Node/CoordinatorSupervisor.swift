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
  /// How often it was asked to stop.
  private var stops = 0
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
    stops += 1
    child?.send(signal: stops > 1 ? SIGKILL : Signals.leave)
  }

  private func start() {
    do throws(PipelineError) {
      startedAt = Monotonic.seconds()
      let arguments =
        ["coordinator", "--directory", directory.path] + (stopAfter.map { ["--stop-after", String($0)] } ?? [])
        + (stops > 0 ? ["--leave"] : [])
      child = try ChildProcess(executable: executable, arguments: arguments, lifeline: lifeline) { exit in
        self.thread.perform { self.assumeIsolated { $0.exited(exit) } }
      }
    } catch {
      end(.failure(error))
    }
  }

  private func exited(_ exit: ChildExit) {
    if exit.status == Self.diskFullStatus, exit.signal == nil, stops == 0 {
      _ = thread.schedule(after: Self.diskFullPause) { self.start() }
      return
    }
    guard let signal = exit.signal else { return end(.success(exit.status)) }
    if stops > 1 { return end(.failure(PipelineError(.worker, "the coordinator was \(exit.description)"))) }
    quickDeaths = Monotonic.seconds() - startedAt < 10 ? quickDeaths + 1 : 0
    guard quickDeaths < Self.quickDeathsLimit else {
      return end(
        .failure(PipelineError(.worker, "the coordinator died \(quickDeaths) times in a row: signal \(signal)")))
    }
    // Who is asked to stop does not wait; it may have died of that, too, without a handler yet.
    let pause = stops > 0 ? .zero : Duration.milliseconds(min(5000, 50 << min(quickDeaths, 7)))
    _ = thread.schedule(after: pause) { self.start() }
  }

  private func end(_ result: Result<Int32, PipelineError>) {
    guard outcome == nil else { return }
    outcome = result
    waiter?.resume(with: result.mapError { $0 as any Error })
    waiter = nil
  }
}
