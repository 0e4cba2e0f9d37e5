import Pipeline
import Testing

@Suite struct WorkerLoadTests {
  /// Heartbeats twice a second of a worker that is busy for these shares of consecutive seconds.
  private func load(_ shares: [Double]) -> WorkerLoad {
    var load = WorkerLoad()
    var counters = WorkerCounters()
    for share in shares {
      for _ in 0..<2 {
        counters.aliveSeconds += 0.5
        counters.busySeconds += share / 2
        load.update(counters)
      }
    }
    return load
  }

  @Test func onlyTheLastSecondsCount() throws {
    #expect([WorkerLoad()].recentWaitShare == nil)
    #expect(abs(try #require([load([0.25, 0.25])].recentWaitShare) - 0.75) < 1e-9, "from the first heartbeats on")
    let changed = load([Double](repeating: 1, count: 30) + [Double](repeating: 0, count: 11))
    #expect(abs(try #require([changed].recentWaitShare) - 1) < 1e-9)
    #expect(changed.counters.busySeconds == 30)
    #expect((5...10.5).contains(changed.recent.aliveSeconds))
  }

  @Test func whoIsSilentIsNotTakenForWaiting() throws {
    let idle = load([Double](repeating: 0, count: 10))
    #expect([idle.silent(for: 0.6)].recentWaitShare == 1)
    #expect(try #require([idle.silent(for: 30)].recentWaitShare) < 0.5)
  }

  /// Whoever may join can say anything; sums and shares of it stay numbers.
  @Test func countersOfStrangersAreBounded() throws {
    var wild = WorkerCounters()
    for path in [
      \WorkerCounters.items, \.duplicatesDropped, \.malformedDropped, \.staleDropped, \.residentBytes, \.bytesOut,
      \.tensorBytesOut,
    ] { wild[keyPath: path] = .max }
    (wild.busySeconds, wild.aliveSeconds, wild.cpuSeconds) = (-.infinity, .nan, 1e300)
    let bounded = wild.bounded
    #expect((0..<10_000).reduce(0) { sum, _ in sum + bounded.residentBytes + bounded.duplicatesDropped } > 0)
    #expect(100 * bounded.bytesOut / bounded.tensorBytesOut == 100)
    #expect(bounded.busySeconds == 0 && bounded.aliveSeconds == 0 && bounded.cpuSeconds == 1e12)
    var sane = WorkerCounters()
    (sane.items, sane.aliveSeconds, sane.bytesOut) = (7, 2.5, 1 << 50)
    #expect(sane.bounded == sane)
    sane.items = -7
    #expect(sane.bounded.items == 0)
  }

  @Test func aRateIsThatOfTheLastSeconds() throws {
    var rate = RecentRate()
    #expect(rate.perSecond == nil)
    for second in 0..<60 { rate.add(second < 30 ? 100 : 4, now: Double(second)) }
    #expect(try #require(rate.perSecond) == 4)
  }

  @Test func workUnderWayCounts() {
    let clock = WorkClock()
    let (during, seconds) = clock.measure { () -> Double in
      let start = Monotonic.seconds()
      while Monotonic.seconds() < start + 0.01 {}
      return clock.busySeconds
    }
    #expect(during >= 0.01 && seconds >= during && clock.busySeconds == seconds)
  }

  @Test func theStageThatWaitsLeastIsShort() {
    #expect(RunStatus.short(["decode": 0.01, "augment": 0.7, "train": 0.2]) == "decode")
    #expect(RunStatus.short(["decode": 0.1, "augment": 0.1]) == "augment", "a tie is settled by name")
    #expect(RunStatus.short(["decode": 0.9, "train": 0.6]) == nil, "none is short")
    #expect(RunStatus.short([:]) == nil)
  }
}
