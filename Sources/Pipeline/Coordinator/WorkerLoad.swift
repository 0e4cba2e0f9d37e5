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

extension Sequence<WorkerLoad> {
  /// Share of the last seconds that these workers waited for input; nil if none has counted yet.
  package var recentWaitShare: Double? {
    let (busy, alive) = reduce((0.0, 0.0)) { ($0.0 + $1.recent.busySeconds, $0.1 + $1.recent.aliveSeconds) }
    return alive > 0 ? Swift.max(0, 1 - busy / alive) : nil
  }
}
