/// What a worker counted since it started, and how much of that in its last seconds.
package struct WorkerLoad: Sendable {
  package private(set) var counters = WorkerCounters()
  /// Counters of the beginnings of this period and the one before: together they cover one to two periods.
  private var beginning = WorkerCounters()
  private var earlier = WorkerCounters()

  /// Seconds of a period.
  package static let period = 5.0
  /// Heartbeats come twice a second, unless the machine is overloaded.
  private static let longestBeat = 2.0

  package init() {}

  /// Takes the counters of a heartbeat.
  package mutating func update(_ counters: WorkerCounters) {
    if counters.aliveSeconds - beginning.aliveSeconds >= Self.period {
      earlier = beginning
      beginning = self.counters
    }
    self.counters = counters
  }

  /// The same worker after so long a silence. What it has not spoken for is taken for work: it may hang.
  package func silent(for seconds: Double) -> WorkerLoad {
    guard seconds > Self.longestBeat else { return self }
    var load = self
    load.counters.busySeconds += seconds
    load.counters.aliveSeconds += seconds
    return load
  }

  /// Busy and all seconds of the last 5 to 10.
  package var recent: (busySeconds: Double, aliveSeconds: Double) {
    (counters.busySeconds - earlier.busySeconds, counters.aliveSeconds - earlier.aliveSeconds)
  }
}

/// How much of something there was a second, over the last 5 to 10 seconds.
package struct RecentRate: Sendable {
  private var points: [(at: Double, total: Int)] = []
  private var total = 0

  package init() {}

  package mutating func add(_ count: Int, now: Double) {
    total += count
    points.append((now, total))
    // The first of the points that are left is the newest that is old enough.
    while points.count > 2, now - points[1].at >= WorkerLoad.period * 2 { points.removeFirst() }
  }

  /// Nil before there are two points.
  package var perSecond: Double? {
    guard let first = points.first, let last = points.last, last.at > first.at else { return nil }
    return Double(last.total - first.total) / (last.at - first.at)
  }
}

extension Sequence<WorkerLoad> {
  /// Share of the last seconds that these workers waited for input; nil if none has counted yet.
  package var recentWaitShare: Double? {
    let (busy, alive) = reduce((0.0, 0.0)) { ($0.0 + $1.recent.busySeconds, $0.1 + $1.recent.aliveSeconds) }
    return alive > 0 ? Swift.max(0, 1 - busy / alive) : nil
  }
}
