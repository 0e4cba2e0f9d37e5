import Foundation
import Synchronization
import Video

/// Threads that write videos, each with one video at a time; the first failure stops all.
final class VideoCrew: Sendable {
  private struct State {
    var next = 0
    var completed = 0
    var workersLeft: Int
    var failure: SynthesisError?
  }

  /// A video and how it is made.
  struct Job: Sendable {
    /// Path relative to the collection.
    let file: String
    let write: @Sendable (_ path: String) throws(VideoError) -> Void
  }

  private let jobs: [Job]
  private let directory: String
  private let workers: Int
  private let state: Mutex<State>
  /// Signalled after each video and at the end of each worker.
  private let events = DispatchSemaphore(value: 0)

  init(_ jobs: [Job], directory: String, workers: Int) {
    self.jobs = jobs
    self.directory = directory
    self.workers = min(workers, jobs.count)
    state = Mutex(State(workersLeft: self.workers))
  }

  /// Writes all videos; returns when every thread has ended.
  func run(progress: (Int, Int) -> Void) throws(SynthesisError) {
    progress(0, jobs.count)
    for number in 0..<workers {
      let thread = Thread { self.work() }
      thread.name = "synthesize-\(number)"
      thread.stackSize = 4 << 20
      thread.start()
    }
    var reported = 0
    while true {
      events.wait()
      let (completed, workersLeft, failure) = state.withLock { ($0.completed, $0.workersLeft, $0.failure) }
      if completed > reported, failure == nil {
        reported = completed
        progress(completed, jobs.count)
      }
      guard workersLeft == 0 else { continue }
      if let failure { throw failure }
      return
    }
  }

  private func work() {
    while let job = takeNext() {
      do throws(VideoError) {
        try job.write("\(directory)/\(job.file)")
        state.withLock { $0.completed += 1 }
      } catch {
        let failure = SynthesisError(.encode, "cannot write \(directory)/\(job.file)", underlying: error)
        state.withLock { $0.failure = $0.failure ?? failure }
      }
      events.signal()
    }
    state.withLock { $0.workersLeft -= 1 }
    events.signal()
  }

  private func takeNext() -> Job? {
    let index: Int? = state.withLock { state in
      guard state.failure == nil, state.next < jobs.count else { return nil }
      state.next += 1
      return state.next - 1
    }
    return index.map { jobs[$0] }
  }
}
