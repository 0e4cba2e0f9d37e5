import Foundation
import Glibc
import Synchronization

/// How a decode worker spent the time in which it did not get done with one clip.
package enum Hang: String, Sendable, Codable {
  /// It computed: what the file's bytes make any worker do.
  case looping
  /// It waited, for a disk or a server: another worker may fare better.
  case waiting

  /// Exit status of a worker that ends itself for it.
  package var status: Int32 {
    switch self {
    case .looping: 4
    case .waiting: 5
    }
  }

  package init?(status: Int32) {
    guard let hang = [Hang.looping, .waiting].first(where: { $0.status == status }) else { return nil }
    self = hang
  }
}

/// The clip a decode worker is at and for how long: neither libav nor a file system can be interrupted, so a clip that
/// takes longer than a limit ends the process. Thread-safe.
package final class DecodeWatch: Sendable {
  /// What the work thread is at.
  package struct Current: Sendable {
    package let path: String
    package let key: ItemKey
    /// Decoded in one go.
    fileprivate let clips: Int
    fileprivate let beganAt: Double
    fileprivate let clock: clockid_t
    fileprivate let computedBefore: Double

    package var seconds: Double { Monotonic.seconds() - beganAt }

    /// CPU time of the work thread since it began.
    package var computedSeconds: Double { Monotonic.seconds(of: clock) - computedBefore }
  }

  private let state = Mutex<Current?>(nil)

  package init() {}

  package var current: Current? { state.withLock { $0 } }

  /// Called on the work thread.
  ///
  /// - Parameters:
  ///   - item: the first of the clips.
  ///   - clips: that are decoded in one go.
  package func begin(_ item: WorkItem, clips: Int = 1) {
    var clock = clockid_t()
    pthread_getcpuclockid(pthread_self(), &clock)
    let current = Current(
      path: item.path, key: item.key, clips: clips, beganAt: Monotonic.seconds(), clock: clock,
      computedBefore: Monotonic.seconds(of: clock))
    state.withLock { $0 = current }
  }

  package func end() { state.withLock { $0 = nil } }

  /// The clip that takes longer than `limit` seconds (clips in one go: each), and how; a thread that computed for a
  /// quarter of them loops: it may share its core.
  package func overdue(limit: Double) -> (clip: Current, hang: Hang)? {
    guard let current else { return nil }
    let limit = limit * Double(current.clips)
    guard current.seconds > limit else { return nil }
    return (current, current.computedSeconds > limit / 4 ? .looping : .waiting)
  }
}
