import Foundation
import Glibc

/// Progress on standard error: a bar with rate and time left on a terminal, plain lines otherwise.
package final class ProgressReporter: @unchecked Sendable {
  // Sendable: used on the coordinator's thread only.
  private let isTerminal: Bool
  private let isQuiet: Bool
  private var begunAt: Double?
  private var begunStep = 0
  private var clips = 0
  private var lastShown = 0.0

  package init(isQuiet: Bool = false) {
    self.isQuiet = isQuiet
    isTerminal = isatty(2) == 1
  }

  /// Something worth a line.
  package func note(_ text: String) {
    guard !isQuiet else { return }
    write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n")
  }

  package func step(_ step: Int, of total: Int, loss: Double, clips new: Int) {
    guard !isQuiet else { return }
    let now = Monotonic.seconds()
    guard let begunAt else {
      self.begunAt = now
      begunStep = step
      return
    }
    clips += new
    guard now - lastShown > (isTerminal ? 0.2 : 5) || step == total else { return }
    lastShown = now
    let seconds = max(now - begunAt, 1e-9)
    let rate = Double(clips) / seconds
    let left = seconds / Double(max(step - begunStep, 1)) * Double(total - step)
    let text =
      "step \(step)/\(total)  loss \(Self.digits(loss, 4))  \(Self.digits(rate, 1)) clips/s  "
      + "\(Self.clock(left)) left"
    if isTerminal {
      let filled = 24 * step / max(total, 1)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
      write("\r\u{1B}[K\(bar) \(text)")
      if step == total { write("\n") }
    } else {
      write("\(text)\n")
    }
  }

  package func evaluated(_ evaluation: RunReport.Evaluation, videos: Int) {
    note(
      "evaluation at step \(evaluation.step): top-1 \(Self.digits(100 * evaluation.top1, 1)) %, "
        + "top-5 \(Self.digits(100 * evaluation.top5, 1)) %, \(videos) videos")
  }

  package static func digits(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)f", value) }

  package static func clock(_ seconds: Double) -> String {
    let whole = Int(min(max(seconds, 0), 1e8))
    return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
