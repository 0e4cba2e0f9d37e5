import Testing
import ZeroMQ

@Suite struct TimerQueueTests {
  /// Thousands of timers with a seeded order, most of them cancelled: the others come by deadline, then by age.
  @Test func dueTimersComeByDeadlineThenByAge() {
    var queue = TimerQueue()
    var seen: [Int] = []
    var kept: [(deadline: UInt64, number: Int)] = []
    var state: UInt64 = 1
    var tokens: [(TimerToken, Int)] = []
    let record = Recorder()
    for number in 0..<5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let deadline = (state >> 33) % 50
      let token = queue.insert(deadline: deadline) { record.numbers.append(number) }
      if number % 10 == 0 { kept.append((deadline, number)) } else { tokens.append((token, number)) }
    }
    for (token, _) in tokens {
      #expect(queue.cancel(token) != nil)
      #expect(queue.cancel(token) == nil)
    }
    #expect(queue.count == 500)
    kept.sort { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
    for now: UInt64 in [0, 10, 49] {
      #expect(queue.nextDeadline() == kept.first { $0.deadline >= (now == 0 ? 0 : now == 10 ? 1 : 11) }?.deadline)
      while let body = queue.popDue(at: now) { body() }
      seen = record.numbers
      #expect(seen == kept.filter { $0.deadline <= now }.map(\.number))
    }
    #expect(queue.count == 0)
    #expect(queue.nextDeadline() == nil)
  }

  @Test func cancelledTimersLeaveNothingBehind() {
    var queue = TimerQueue()
    let far = queue.insert(deadline: .max) {}
    for number in 0..<1000 {
      let token = queue.insert(deadline: UInt64(number)) {}
      #expect(queue.cancel(token) != nil)
    }
    #expect(queue.count == 1)
    #expect(queue.nextDeadline() == .max)
    #expect(queue.popDue(at: .max - 1) == nil)
    #expect(queue.popDue(at: .max) != nil)
    #expect(queue.cancel(far) == nil)
  }

  private final class Recorder {
    var numbers: [Int] = []
  }
}
