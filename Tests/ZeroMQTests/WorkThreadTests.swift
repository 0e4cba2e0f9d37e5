import Synchronization
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(1))) struct WorkThreadTests {
  @Test func bodiesRunInOrder() async {
    let thread = WorkThread(name: "work")
    let (events, sink) = AsyncStream<Int>.makeStream()
    for number in 0..<5000 { thread.submit { sink.yield(number) } }
    thread.submit { sink.finish() }
    var seen: [Int] = []
    for await number in events { seen.append(number) }
    #expect(seen == Array(0..<5000))
    thread.stop()
  }

  @Test func theQueueIsCounted() async throws {
    let thread = WorkThread(name: "work")
    let gate = Shared(Atomic<Bool>(false))
    let hasBegun = Shared(Atomic<Bool>(false))
    thread.submit {
      hasBegun.value.store(true, ordering: .releasing)
      try? eventually { gate.value.load(ordering: .acquiring) }
    }
    try eventually { hasBegun.value.load(ordering: .acquiring) }
    for _ in 0..<3 { thread.submit {} }
    #expect(thread.queuedCount == 3)
    gate.value.store(true, ordering: .releasing)
    thread.stop()
    #expect(thread.queuedCount == 0)
  }

  @Test func stopRunsWhatIsQueuedAndLateWorkStillRuns() async throws {
    let thread = WorkThread(name: "work")
    let count = Shared(Atomic<Int>(0))
    for _ in 0..<100 { thread.submit { count.value.add(1, ordering: .relaxed) } }
    thread.stop()
    thread.stop()
    #expect(count.value.load(ordering: .relaxed) == 100)
    thread.submit { count.value.add(1, ordering: .relaxed) }
    thread.stop()
    #expect(count.value.load(ordering: .relaxed) == 101)
    thread.submit { thread.stop() }
    thread.stop()
  }
}
