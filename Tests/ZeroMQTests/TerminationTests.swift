import Testing
import ZeroMQ

/// Whatever state the sockets are in, ending a context neither hangs nor leaks.
@Suite(.timeLimit(.minutes(2))) struct TerminationTests {
  @Test func laterCallsReportIt() throws {
    let context = try Context()
    let socket = try Socket(.dealer, in: context)
    context.shutdown()
    context.shutdown()
    #expect(code { _ = try socket.receive() } == .terminated)
    #expect(code { _ = try socket.receive(wait: true) } == .terminated)
    #expect(code { _ = try socket.send(Multipart(text("x")), wait: true) } == .terminated)
    #expect(code { _ = try socket.bind("tcp://127.0.0.1:*") } == .terminated)
    #expect(code { _ = try Socket(.dealer, in: context) } == .terminated)
    context.terminate()
    context.terminate()
    #expect(!context.isTerminated)
    socket.close()
    #expect(context.isTerminated)
    #expect(code { _ = try Socket(.dealer, in: context) } == .terminated)
    context.shutdown()
  }

  @Test(arguments: Transport.allCases)
  func pendingSendsAreDropped(transport: Transport) throws {
    for _ in 0..<200 {
      let owners = OwnerCount()
      let context = try Context()
      let dealer = try Socket(.dealer, in: context)
      // Nobody listens there.
      try dealer.connect(transport == .tcp ? "tcp://127.0.0.1:9" : transport.wildcard)
      for _ in 0..<4 {
        #expect(try dealer.send(Multipart(owners.makePart(byteCount: 100_000, filledWith: 1))))
      }
      #expect(owners.value == 4)
      context.terminate()
      #expect(!context.isTerminated)
      dealer.close()
      #expect(context.isTerminated)
      #expect(owners.value == 0)
    }
  }

  @Test func aSocketThatIsForgottenClosesItself() throws {
    let context = try Context()
    do {
      let forgotten = try Socket(.router, in: context)
      _ = try forgotten.bind("tcp://127.0.0.1:*")
      context.terminate()
      #expect(!forgotten.isClosed)
    }
    #expect(context.isTerminated)
  }

  @Test func aBlockedReceiverIsReleased() async throws {
    for _ in 0..<200 {
      let context = try Context()
      async let outcome = onThread(shuttingDown: context) { () -> ZeroMQError.Code? in
        guard let socket = try? Socket(.dealer, in: context) else { return .terminated }
        defer { socket.close() }
        return code { _ = try socket.receive(wait: true) }
      }
      context.terminate()
      #expect(try await outcome == .terminated)
      #expect(context.isTerminated)
    }
  }

  /// An actor that polls is told once, closes its socket, and the context is gone.
  @Test func aPollingActorIsTold() async throws {
    let thread = SocketThread(name: "polling")
    defer { thread.stop() }
    for round in 0..<200 {
      let owners = OwnerCount()
      let context = try Context()
      let (events, sink) = AsyncStream<ZeroMQError.Code?>.makeStream()
      try await on(thread) {
        let router = try Socket(.router, in: context)
        let dealer = try Socket(.dealer, in: context)
        let endpoint = try router.bind(Transport.allCases[round % 3].wildcard)
        try dealer.connect(endpoint)
        for _ in 0..<3 { _ = try dealer.send(Multipart(owners.makePart(byteCount: 50_000, filledWith: 2))) }
        for socket in [router, dealer] {
          thread.watch(socket) {
            do throws(ZeroMQError) {
              _ = try socket.receive()
            } catch {
              socket.close()
              sink.yield(error.code)
            }
          }
        }
      }
      context.terminate()
      var iterator = events.makeAsyncIterator()
      for _ in 0..<2 { #expect(await iterator.next() == .terminated) }
      try eventually { context.isTerminated && owners.value == 0 }
    }
  }

  /// The thread stops first and drops its watches; the sockets close with their last reference.
  @Test func stoppingTheThreadFirstIsFine() async throws {
    for _ in 0..<50 {
      let context = try Context()
      let thread = SocketThread(name: "stopping")
      try await on(thread) {
        let socket = try Socket(.router, in: context)
        _ = try socket.bind(Transport.ipc.wildcard)
        thread.watch(socket) { _ = try? socket.receive() }
        _ = thread.schedule(after: .seconds(3600)) { socket.close() }
      }
      thread.stop()
      thread.stop()
      context.terminate()
      #expect(context.isTerminated)
    }
  }
}
