import Foundation
import Synchronization
import Video

/// Threads that write the videos of a plan, each with one video at a time; the first failure stops all.
final class VideoCrew: Sendable {
  private struct State {
    var next = 0
    var completed = 0
    var workersLeft: Int
    var failure: SynthesisError?
  }

  private let plan: CollectionPlan
  private let directory: String
  private let workers: Int
  private let state: Mutex<State>
  /// Signalled after each video and at the end of each worker.
  private let events = DispatchSemaphore(value: 0)

  init(plan: CollectionPlan, directory: String, workers: Int) {
    self.plan = plan
    self.directory = directory
    self.workers = min(workers, plan.videos.count)
    state = Mutex(State(workersLeft: self.workers))
  }

  /// Writes all videos; returns when every thread has ended.
  func run(progress: (Int, Int) -> Void) throws(SynthesisError) {
    progress(0, plan.videos.count)
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
        progress(completed, plan.videos.count)
      }
      guard workersLeft == 0 else { continue }
      if let failure { throw failure }
      return
    }
  }

  private func work() {
    while let video = takeNext() {
      do throws(VideoError) {
        try Synthesizer.write(video, to: "\(directory)/\(video.file)")
        state.withLock { $0.completed += 1 }
      } catch {
        let failure = SynthesisError(.encode, "cannot write \(directory)/\(video.file)", underlying: error)
        state.withLock { $0.failure = $0.failure ?? failure }
      }
      events.signal()
    }
    state.withLock { $0.workersLeft -= 1 }
    events.signal()
  }

  private func takeNext() -> CollectionPlan.Video? {
    let index: Int? = state.withLock { state in
      guard state.failure == nil, state.next < plan.videos.count else { return nil }
      state.next += 1
      return state.next - 1
    }
    return index.map { plan.videos[$0] }
  }
}
