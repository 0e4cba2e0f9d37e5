internal import Foundation
internal import Synchronization

/// Progress on standard error: a bar with rate and time left on a terminal, plain lines otherwise. Any thread.
final class ProgressBar: Sendable {
  private struct State {
    var start = ContinuousClock.now
    var shown: ContinuousClock.Instant?
    var noun = ""
    /// Where the current noun began: after a resume neither is 0.
    var first = (count: 0, fraction: 0.0)
  }

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())

  func show(_ done: Int, of total: Int, _ noun: String) {
    show(done, noun, fraction: total == 0 ? 1 : Double(done) / Double(total), text: "\(done) of \(total) \(noun)")
  }

  /// - Parameters:
  ///   - count: of `noun` so far; their number in all is not known.
  ///   - fraction: of all work, in [0, 1].
  func show(_ count: Int, _ noun: String, fraction: Double) {
    show(count, noun, fraction: fraction, text: "\(count) \(noun)")
  }

  private func show(_ count: Int, _ noun: String, fraction: Double, text: String) {
    state.withLock { state in
      let now = ContinuousClock.now
      if state.noun != noun {
        state.noun = noun
        (state.start, state.shown, state.first) = (now, nil, (count, fraction))
      }
      let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
      if now - (state.shown ?? state.start) < interval, fraction < 1 || state.shown == nil && !isTerminal { return }
      state.shown = now
      let seconds = max((now - state.start) / .seconds(1), 1e-3)
      let rate = Int((Double(count - state.first.count) / seconds).rounded())
      let left = seconds * (1 - fraction) / max(fraction - state.first.fraction, 1e-9)
      let line = "\(text), \(rate) a second, \(Int(min(left, 1e9).rounded(.up))) s left"
      let filled = Int(30 * fraction)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      let shown = isTerminal ? "\r\(bar) \(line)\u{1B}[K" + (fraction >= 1 ? "\n" : "") : "\(line)\n"
      FileHandle.standardError.write(Data(shown.utf8))
    }
  }
}

/// The first bad rows on standard error, and how many more there were.
final class RejectNotes {
  private static let shown = 10
  private var count = 0

  func note(_ place: String, _ reason: String) {
    count += 1
    if count <= Self.shown { FileHandle.standardError.write(Data("warning: \(place): \(reason)\n".utf8)) }
  }

  deinit {
    if count > Self.shown { FileHandle.standardError.write(Data("warning: … and \(count - Self.shown) more\n".utf8)) }
  }
}
