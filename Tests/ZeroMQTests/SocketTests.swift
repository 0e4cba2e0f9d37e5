import Glibc
import Synchronization
import Testing
import ZeroMQ

@Suite(.timeLimit(.minutes(2))) struct SocketTests {
  /// Runs `body` on a thread with a context that is terminated afterwards.
  private func withContext(_ body: @escaping @Sendable (Context) throws -> Void) async throws {
    let context = try Context()
    try await onThread(shuttingDown: context) { try body(context) }
    context.terminate()
    #expect(context.isTerminated)
  }

  @Test(arguments: Transport.allCases)
  func multipartMessagesTravelWhole(transport: Transport) async throws {
    try await withContext { context in
      let router = try Socket(.router, in: context)
      let dealer = try Socket(.dealer, in: context, options: SocketOptions(identity: Array("worker-1".utf8)))
      defer {
        router.close()
        dealer.close()
      }
      let endpoint = try router.bind(transport.wildcard)
      #expect(!endpoint.contains("*"))
      #expect(endpoint.hasPrefix(transport == .ipc ? "ipc://@sluice-test" : "\(transport.rawValue)://"))
      try dealer.connect(endpoint)
      #expect(try dealer.send(Multipart(text("a"), MessagePart(bytes: []), text("c"))))
      let request = try #require(try router.receive(wait: true))
      #expect(request.parts.map(\.array) == [Array("worker-1".utf8), [97], [], [99]])
      #expect(try router.receive() == nil)
      let large = [UInt8](repeating: 9, count: 1_000_000)
      #expect(try router.send(Multipart(parts: [request.parts[0], MessagePart(bytes: large)])))
      let reply = try #require(try dealer.receive(wait: true))
      #expect(reply.parts.map(\.array) == [large])
    }
  }

  @Test func requestsAndRepliesAndPairs() async throws {
    try await withContext { context in
      for (a, b) in [(SocketKind.req, SocketKind.rep), (.pair, .pair)] {
        let first = try Socket(a, in: context)
        let second = try Socket(b, in: context)
        try first.connect(try second.bind(Transport.ipc.wildcard))
        #expect(try first.send(Multipart(text("question")), wait: true))
        #expect(try second.receive(wait: true)?.parts.map(\.array) == [Array("question".utf8)])
        #expect(try second.send(Multipart(text("answer")), wait: true))
        #expect(try first.receive(wait: true)?.parts.map(\.array) == [Array("answer".utf8)])
        first.close()
        second.close()
      }
    }
  }

  @Test(arguments: Transport.allCases)
  func aRouterReportsPeersItDoesNotHaveAndPeersThatDied(transport: Transport) async throws {
    let peerContext = try Context()
    try await withContext { context in
      let router = try Socket(.router, in: context)
      defer { router.close() }
      let endpoint = try router.bind(transport.wildcard)
      let message = Multipart(text("worker-1"), text("work"))
      #expect(code { _ = try router.send(message) } == .unreachable)
      let dealer = try Socket(
        .dealer, in: transport == .inproc ? context : peerContext,
        options: SocketOptions(identity: Array("worker-1".utf8)))
      try dealer.connect(endpoint)
      #expect(try dealer.send(Multipart(text("hello"))))
      _ = try router.receive(wait: true)
      #expect(try router.send(message))
      #expect(try dealer.receive(wait: true)?.parts.map(\.array) == [Array("work".utf8)])
      dealer.close()
      peerContext.terminate()
      try eventually { code { _ = try router.send(message) } == .unreachable }
    }
  }

  @Test func aReturningPeerTakesItsIdentityOver() async throws {
    try await withContext { context in
      let router = try Socket(.router, in: context)
      let endpoint = try router.bind(Transport.tcp.wildcard)
      let dealers = try (0..<2).map { _ in
        try Socket(.dealer, in: context, options: SocketOptions(identity: Array("w".utf8)))
      }
      defer {
        router.close()
        for dealer in dealers { dealer.close() }
      }
      for dealer in dealers {
        try dealer.connect(endpoint)
        _ = try dealer.send(Multipart(text("hello")))
        _ = try router.receive(wait: true)
      }
      #expect(try router.send(Multipart(text("w"), text("for the second"))))
      #expect(try dealers[1].receive(wait: true)?.parts.map(\.array) == [Array("for the second".utf8)])
      #expect(try dealers[0].receive() == nil)
    }
  }

  @Test func sendReportsThatItWouldBlock() async throws {
    try await withContext { context in
      let pair = try Socket(.pair, in: context)
      let peer = try Socket(.pair, in: context, options: SocketOptions(receiveHighWaterMark: 2))
      let sender = try Socket(.pair, in: context, options: SocketOptions(sendHighWaterMark: 2))
      defer { for socket in [pair, peer, sender] { socket.close() } }
      #expect(try pair.send(Multipart(text("nobody"))) == false)
      try sender.connect(try peer.bind(Transport.inproc.wildcard))
      var sent = 0
      while try sender.send(Multipart(text("a"), text("b"))) { sent += 1 }
      #expect(sent == 4)
      for _ in 0..<sent { #expect(try peer.receive()?.parts.count == 2) }
      #expect(try peer.receive() == nil)
    }
  }

  @Test func everySubscriptionIsSeen() async throws {
    try await withContext { context in
      let publisher = try Socket(.xpub, in: context)
      let subscribers = try (0..<2).map { _ in try Socket(.sub, in: context) }
      defer { for socket in [publisher] + subscribers { socket.close() } }
      let endpoint = try publisher.bind(Transport.ipc.wildcard)
      for subscriber in subscribers {
        try subscriber.connect(endpoint)
        try subscriber.subscribe(Array("augment".utf8))
        #expect(try publisher.receive(wait: true)?.parts.map(\.array) == [[1] + Array("augment".utf8)])
      }
      #expect(try publisher.send(Multipart(text("batch"), text("not wanted"))))
      #expect(try publisher.send(Multipart(text("augment.100"), text("clip"))))
      for subscriber in subscribers {
        let message = try subscriber.receive(wait: true)
        #expect(message?.parts.map(\.array) == [Array("augment.100".utf8), Array("clip".utf8)])
      }
      for subscriber in subscribers { try subscriber.unsubscribe(Array("augment".utf8)) }
      #expect(try publisher.receive(wait: true)?.parts.map(\.array) == [[0] + Array("augment".utf8)])
    }
  }

  @Test func aPartThatIsTooLongDisconnectsItsSender() async throws {
    try await withContext { context in
      var options = SocketOptions()
      options.maxMessageBytes = 1000
      let router = try Socket(.router, in: context, options: options)
      let dealer = try Socket(.dealer, in: context, options: SocketOptions(identity: [1]))
      defer { for socket in [router, dealer] { socket.close() } }
      try dealer.connect(try router.bind(Transport.tcp.wildcard))
      #expect(try dealer.send(Multipart(text("a"), MessagePart(bytes: [UInt8](repeating: 0, count: 1001)))))
      // The dealer comes back; the message that was refused does not, nor what went down the broken connection.
      var received: Multipart?
      try eventually {
        _ = try dealer.send(Multipart(text("b")))
        received = try router.receive()
        return received != nil
      }
      #expect(received?.parts.map(\.array) == [[1], [98]])
    }
  }

  @Test func signalsDoNotEndAWait() async throws {
    try await withContext { context in
      signal(SIGUSR2) { _ in }
      let socket = try Socket(.pair, in: context)
      let endpoint = try socket.bind(Transport.inproc.wildcard)
      defer { socket.close() }
      let waiter = UInt(pthread_self())
      let sender = WorkThread(name: "signals")
      defer { sender.stop() }
      sender.submit {
        for _ in 0..<200 {
          pthread_kill(pthread_t(waiter), SIGUSR2)
          sched_yield()
        }
        guard let peer = try? Socket(.pair, in: context) else { return }
        try? peer.connect(endpoint)
        _ = try? peer.send(Multipart(text("done")), wait: true)
        peer.close()
      }
      #expect(try socket.receive(wait: true)?.parts.map(\.array) == [Array("done".utf8)])
    }
  }

  @Test func mistakesAreErrorsThatNameTheirEndpoint() async throws {
    try await withContext { context in
      let socket = try Socket(.router, in: context)
      let other = try Socket(.router, in: context)
      for transport in Transport.allCases {
        let endpoint = try socket.bind(transport.wildcard)
        #expect(code { _ = try other.bind(endpoint) } == .addressInUse)
        let error = #expect(throws: ZeroMQError.self) { _ = try other.bind(endpoint) }
        #expect(error?.description.contains("bind \(endpoint)") == true)
      }
      for endpoint in ["", "nonsense", "tcp://", "tcp://127.0.0.1:port", "carrier-pigeon://x"] {
        #expect(code { _ = try other.bind(endpoint) } == .invalid)
        #expect(code { try other.connect(endpoint) } == .invalid)
      }
      #expect(code { try other.subscribe([1]) } == .invalid)
      #expect(code { _ = try other.send(Multipart()) } == .invalid)
      for identity in [[], [UInt8](repeating: 1, count: 256)] {
        let options = SocketOptions(identity: identity)
        #expect(code { _ = try Socket(.dealer, in: context, options: options) } == .invalid)
      }
      #expect(code { _ = try Socket(.dealer, in: context, options: .init(linger: .seconds(-1))) } == .invalid)
      socket.close()
      socket.close()
      other.close()
      #expect(socket.isClosed)
      #expect(code { _ = try socket.bind("inproc://x") } == .invalid)
      #expect(code { try socket.connect("inproc://x") } == .invalid)
      #expect(code { _ = try socket.send(Multipart(text("x"))) } == .invalid)
      #expect(code { _ = try socket.receive() } == .invalid)
      socket.disconnect("inproc://x")
    }
  }

  @Test func aContextRefusesMoreSocketsThanItHas() throws {
    let context = try Context(maxSockets: 2)
    let sockets = try (0..<2).map { _ in try Socket(.pair, in: context) }
    let error = #expect(throws: ZeroMQError.self) { _ = try Socket(.pair, in: context) }
    #expect(error?.message.contains("maxSockets") == true)
    for socket in sockets { socket.close() }
    #expect(code { _ = try Context(maxSockets: -1) } == .invalid)
  }
}
