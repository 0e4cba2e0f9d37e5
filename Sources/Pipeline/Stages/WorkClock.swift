import Synchronization

/// Adds up how long a stage's work takes; what is under way counts, so that a worker that hangs is not taken for one that
/// waits. Thread-safe.
package final class WorkClock: Sendable {
  private struct State {
    var finishedSeconds = 0.0
    var beganAt: Double?
  }

  private let state = Mutex(State())

  package init() {}

  /// Runs `body` as work; one at a time.
  package func measure<Result>(_ body: () -> Result) -> (result: Result, seconds: Double) {
    let began = Monotonic.seconds()
    state.withLock { $0.beganAt = began }
    let result = body()
    let seconds = Monotonic.seconds() - began
    state.withLock {
      $0.beganAt = nil
      $0.finishedSeconds += seconds
    }
    return (result, seconds)
  }

  /// Seconds of work so far.
  package var busySeconds: Double {
    state.withLock { state in
      state.finishedSeconds + (state.beganAt.map { Monotonic.seconds() - $0 } ?? 0)
    }
  }
}
