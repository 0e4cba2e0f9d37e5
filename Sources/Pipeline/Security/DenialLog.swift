/// What is said of refused peers: five lines at once, then one in ten seconds that counts the others.
package struct DenialLog: Sendable {
  private var credit = 5.0
  private var lastTime: Double?
  private var unsaid = 0

  private static let burst = 5.0
  private static let secondsPerLine = 10.0

  package init() {}

  /// - Parameter now: seconds on any monotonic clock.
  /// - Returns: the line to log for this refusal, if it is to have one.
  package mutating func line(_ text: String, now: Double) -> String? {
    if let lastTime { credit = min(Self.burst, credit + (now - lastTime) / Self.secondsPerLine) }
    lastTime = now
    guard credit >= 1 else {
      unsaid += 1
      return nil
    }
    credit -= 1
    defer { unsaid = 0 }
    return unsaid == 0 ? text : "\(text) (\(unsaid) more since the last word of this)"
  }
}
