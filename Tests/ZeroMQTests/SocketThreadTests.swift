import Synchronization
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(2))) struct SocketThreadTests {
  @Test func timersFireInOrderAndCancelledOnesDoNot() async throws {
    let thread = SocketThread(name: "timers")
    let (events, sink) = AsyncStream<String>.makeStream()
    try await on(thread) {
      _ = thread.schedule(after: .milliseconds(-5)) { sink.yield("past") }
      let cancelled = thread.schedule(after: .zero) { sink.yield("cancelled") }
      thread.cancel(cancelled)
      _ = thread.schedule(after: .zero) {
        sink.yield("now")
        thread.cancel(cancelled)
      }
      let silenced = thread.schedule(after: .milliseconds(40)) { sink.yield("silenced") }
      _ = thread.schedule(after: .milliseconds(20)) {
        sink.yield("20")
        _ = thread.schedule(after: .milliseconds(40)) { sink.finish() }
      }
      thread.cancel(silenced)
      _ = thread.schedule(after: .milliseconds(20)) { sink.yield("20 too") }
      _ = thread.schedule(after: .seconds(Int64.max)) { sink.yield("never") }
    }
    var seen: [String] = []
    for await event in events { seen.append(event) }
    #expect(seen == ["past", "now", "20", "20 too"])
    thread.stop()
  }

  @Test func aSocketThatStaysReadableStarvesNeitherJobsNorTimers() async throws {
    let context = try Context()
    let thread = SocketThread(name: "busy")
    let (events, sink) = AsyncStream<String>.makeStream()
    try await on(thread) {
      let a = try Socket(.pair, in: context)
      let b = try Socket(.pair, in: context)
      try b.connect(try a.bind(Transport.inproc.wildcard))
      _ = try b.send(Multipart(text("never taken")))
      var calls = 0
      thread.watch(a) {
        calls += 1
        guard calls == 10 else { return }
        thread.perform { sink.yield("job") }
        _ = thread.schedule(after: .milliseconds(1)) {
          sink.yield("timer")
          sink.finish()
          a.close()
          b.close()
        }
      }
    }
    var seen: [String] = []
    for await event in events { seen.append(event) }
    #expect(seen == ["job", "timer"])
    thread.stop()
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test func jobsThatMakeJobsStarveNoSocket() async throws {
    let context = try Context()
    let thread = SocketThread(name: "busy")
    let isOver = Shared(Atomic<Bool>(false))
    let (events, sink) = AsyncStream<Int>.makeStream()
    @Sendable func again() {
      if !isOver.value.load(ordering: .relaxed) { thread.perform { again() } }
    }
    thread.perform { again() }
    try await on(thread) {
      let a = try Socket(.pair, in: context)
      let b = try Socket(.pair, in: context)
      try b.connect(try a.bind(Transport.inproc.wildcard))
      thread.watch(a) {
        guard let message = try? a.receive() else { return }
        sink.yield(message.parts.count)
        a.close()
        b.close()
      }
      _ = try b.send(Multipart(text("x"), text("y")))
    }
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == 2)
    isOver.value.store(true, ordering: .relaxed)
    thread.stop()
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test func callbacksMayUnwatchOneAnotherAndCloseSockets() async throws {
    let context = try Context()
    let thread = SocketThread(name: "unwatching")
    let calls = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<[Int], any Error>) in
      thread.perform {
        do {
          let pairs = try (0..<4).map { _ in (try Socket(.pair, in: context), try Socket(.pair, in: context)) }
          var calls: [Int] = []
          for (index, (a, b)) in pairs.enumerated() {
            try b.connect(try a.bind(Transport.inproc.wildcard))
            _ = try b.send(Multipart(text("x")))
            thread.watch(a) {
              calls.append(index)
              // Each silences the next one and closes the one after that without a word.
              thread.unwatch(a)
              thread.unwatch(pairs[(index + 1) % 4].0)
              pairs[(index + 2) % 4].0.close()
              guard index == 0 else { return }
              _ = thread.schedule(after: .milliseconds(1)) {
                for (a, b) in pairs {
                  a.close()
                  b.close()
                }
                continuation.resume(returning: calls)
              }
            }
          }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
    #expect(calls == [0, 3])
    thread.stop()
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test func stopRunsWhatIsQueuedAndIsIdempotent() {
    let thread = SocketThread(name: "stop")
    let count = Shared(Atomic<Int>(0))
    for _ in 0..<100 {
      thread.perform { thread.perform { count.value.add(1, ordering: .relaxed) } }
    }
    thread.stop()
    thread.stop()
    #expect(count.value.load(ordering: .relaxed) == 100)
  }

  @Test func stopFromTheThreadItself() async throws {
    let thread = SocketThread(name: "stop")
    try await on(thread) { thread.stop() }
    thread.stop()
  }

  @Test func aJobAfterStopStillRuns() async throws {
    let thread = SocketThread(name: "late")
    let context = try Context()
    thread.stop()
    for _ in 0..<20 {
      let isCurrent = try await on(thread) {
        let socket = try Socket(.pair, in: context)
        defer { socket.close() }
        thread.watch(socket) {}
        _ = thread.schedule(after: .zero) {}
        return thread.isCurrent
      }
      #expect(isCurrent)
    }
    thread.stop()
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test func aStoppedThreadIsFreed() async throws {
    for _ in 0..<20 {
      weak var weakThread: SocketThread?
      do {
        let thread = SocketThread(name: "freed")
        weakThread = thread
        try await on(thread) {}
        thread.stop()
      }
      try eventually { weakThread == nil }
    }
  }
}

/// A reference to a noncopyable value that closures share.
final class Shared<Value: ~Copyable & Sendable>: Sendable {
  let value: Value
  init(_ value: consuming Value) { self.value = value }
}
