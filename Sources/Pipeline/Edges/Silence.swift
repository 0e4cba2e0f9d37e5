/// When to say that nobody answers: after 2 seconds, twice as late each time, once a minute in the end.
package struct Silence: Sendable {
  private let since: Double
  private var next: Double

  /// - Parameter since: seconds on any monotonic clock.
  package init(since: Double) {
    self.since = since
    next = since + 2
  }

  /// - Returns: the whole seconds of silence, when it is time for a word.
  package mutating func worthAWord(now: Double) -> Int? {
    guard now >= next else { return nil }
    next = now + min(now - since, 60)
    return Int(now - since)
  }
}
