/// The 99th percentile of the last 256 durations, in seconds.
struct RecentDurations: Sendable {
  private var seconds: [Double] = []
  private var next = 0
  /// Nil before the first one.
  private(set) var p99: Double?

  mutating func record(_ duration: Double) {
    if seconds.count < 256 {
      seconds.append(duration)
    } else {
      seconds[next] = duration
      next = (next + 1) % 256
    }
    // Sorting for every clip would cost more than all the rest of its lease.
    guard seconds.count < 16 || next % 16 == 0 else { return }
    let sorted = seconds.sorted()
    p99 = sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
  }
}
