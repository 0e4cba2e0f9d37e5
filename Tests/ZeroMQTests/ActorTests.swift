import Testing
import ZeroMQ

/// Receives on its socket thread until `count` messages have come.
private actor Consumer {
  private let thread: SocketThread
  private let finished: AsyncStream<[Int]>.Continuation
  private var socket: Socket?
  private var firstBytes: [Int] = []

  init(thread: SocketThread, finished: AsyncStream<[Int]>.Continuation) {
    self.thread = thread
    self.finished = finished
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  func open(in context: Context, endpoint: String, count: Int) throws {
    let socket = try Socket(.dealer, in: context, options: SocketOptions(identity: Array("consumer".utf8)))
    try socket.connect(endpoint)
    _ = try socket.send(Multipart(text("ready")))
    self.socket = socket
    thread.watch(socket) { self.drain(until: count) }
  }

  private func drain(until count: Int) {
    self.assumeIsolated { _ in }
    while let message = try? socket?.receive() {
      firstBytes.append(
        message.parts[0].byteCount == 300_000 ? Int(message.parts[0].withUnsafeBytes { $0[299_999] }) : -1)
      if firstBytes.count == count { finished.yield(firstBytes) }
    }
  }

  func close() {
    socket?.close()
  }
}

/// Sends messages that it does not copy, once its peer is there.
private actor Producer {
  private let thread: SocketThread
  private let owners: OwnerCount
  private var socket: Socket?
  private(set) var failure: ZeroMQError?

  init(thread: SocketThread, owners: OwnerCount) {
    self.thread = thread
    self.owners = owners
  }

  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  func open(in context: Context, endpoint: String, count: Int) throws -> String {
    let socket = try Socket(.router, in: context)
    self.socket = socket
    thread.watch(socket) { self.produce(count: count) }
    return try socket.bind(endpoint)
  }

  private func produce(count: Int) {
    do throws(ZeroMQError) {
      while let request = try socket?.receive() {
        for number in 0..<count {
          let part = owners.makePart(byteCount: 300_000, filledWith: UInt8(truncatingIfNeeded: number))
          _ = try socket?.send(Multipart(request.parts[0], part))
        }
      }
    } catch {
      failure = error
    }
  }

  func close() {
    socket?.close()
  }
}

@Suite(.timeLimit(.minutes(2))) struct ActorTests {
  @Test(arguments: Transport.allCases)
  func twoActorsExchangeClipsWithoutCopies(transport: Transport) async throws {
    let owners = OwnerCount()
    let context = try Context()
    let threads = ["producer", "consumer"].map { SocketThread(name: $0) }
    let (events, sink) = AsyncStream<[Int]>.makeStream()
    let producer = Producer(thread: threads[0], owners: owners)
    let consumer = Consumer(thread: threads[1], finished: sink)
    let endpoint = try await producer.open(in: context, endpoint: transport.wildcard, count: 300)
    try await consumer.open(in: context, endpoint: endpoint, count: 300)
    var iterator = events.makeAsyncIterator()
    #expect(await iterator.next() == (0..<300).map { $0 % 256 })
    #expect(await producer.failure == nil)
    // Received parts are gone, and what was sent is freed as soon as the kernel has it.
    try eventually { owners.value == 0 }
    await producer.close()
    await consumer.close()
    for thread in threads { thread.stop() }
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test func anActorRunsOnItsThreadAndStaysThereAcrossAwaits() async {
    actor Probe {
      let thread: SocketThread
      init(thread: SocketThread) { self.thread = thread }
      nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

      func observe() async -> [Bool] {
        let before = thread.isCurrent
        await Task.yield()
        async let elsewhere = Task.detached { [thread] in thread.isCurrent }.value
        let child = await elsewhere
        self.preconditionIsolated()
        return [before, child, thread.isCurrent]
      }

      nonisolated func observeFromCallback() async -> Bool {
        await withCheckedContinuation { continuation in
          // No task runs here: only `isIsolatingCurrentContext` can tell.
          thread.perform { continuation.resume(returning: self.assumeIsolated { $0.thread.isCurrent }) }
        }
      }
    }
    let thread = SocketThread(name: "a name that is longer than the kernel keeps")
    let probes = (0..<2).map { _ in Probe(thread: thread) }
    for probe in probes {
      #expect(await probe.observe() == [true, false, true])
      #expect(await probe.observeFromCallback())
    }
    #expect(thread.isIsolatingCurrentContext() == false)
    thread.stop()
  }
}
