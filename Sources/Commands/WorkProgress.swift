internal import Foundation
internal import Synchronization

/// Progress of work of several parts on standard error: a bar with rate and time left on a terminal, plain lines otherwise.
final class WorkProgress: Sendable {
  private struct State {
    var part = ""
    var start = ContinuousClock.now
    var shown: ContinuousClock.Instant?
  }

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let state = Mutex(State())

  func show(_ part: String, _ done: Int, of total: Int) {
    state.withLock { state in
      let now = ContinuousClock.now
      if part != state.part { state = State(part: part, start: now) }
      let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
      if now - (state.shown ?? state.start) < interval, !isTerminal || done < total { return }
      state.shown = now
      let rate = Double(done) / max((now - state.start) / .seconds(1), 1e-3)
      let left = Int((Double(total - done) / max(rate, 1e-9)).rounded(.up))
      let text = "\(part): \(done) of \(total), \(Int(rate.rounded())) a second, \(left) s left"
      let filled = total == 0 ? 30 : 30 * done / total
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      let line = isTerminal ? "\r\(bar) \(text)\u{1B}[K" + (done == total ? "\n" : "") : "\(text)\n"
      FileHandle.standardError.write(Data(line.utf8))
    }
  }
}
