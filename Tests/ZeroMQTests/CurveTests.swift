import Synchronization
import Testing
import ZeroMQ

/// Who gets in, who does not, and what a message says of its sender.
@Suite struct CurveTests {
  /// Whom a house lets in, and everybody and everything that came.
  private final class Gate: Sendable {
    let listed = Mutex<Set<String>>([])
    let visitors = Mutex<[Gatekeeper.Visitor]>([])
    let received = Mutex<[Multipart]>([])

    func admits(_ visitor: Gatekeeper.Visitor) -> Bool {
      visitors.withLock { $0.append(visitor) }
      return visitor.key.map { key in listed.withLock { $0.contains(key) } } ?? false
    }
  }

  /// A ROUTER in a domain.
  private final class House: Sendable {
    let context: Context
    let keys: CurveKeys
    let endpoint: String
    let gate: Gate
    private let thread = SocketThread(name: "house")

    init(transport: Transport = .tcp) async throws {
      let (context, keys) = (try Context(), try CurveKeys.make())
      self.context = context
      self.keys = keys
      let gate = Gate()
      self.gate = gate
      let gatekeeper = try Gatekeeper(context: context) { gate.admits($0) }
      endpoint = try await on(thread) { [thread] in
        let router = try Socket(.router, in: context)
        try router.secure(.server(keys, domain: "worker", gatekeeper))
        let endpoint = try router.bind(transport.wildcard)
        thread.watch(router) {
          while let message = try? router.receive() { gate.received.withLock { $0.append(message) } }
        }
        return endpoint
      }
    }

    func end() {
      context.shutdown()
      thread.stop()
      context.terminate()
    }
  }

  /// Sends one word as `keys` to `house`, from a context of its own; nil keys are a client without CURVE.
  private func call(_ house: House, _ word: String, as keys: CurveKeys?, server: String? = nil) throws -> Socket {
    let socket = try Socket(.dealer, in: Context())
    if let keys { try socket.secure(.client(keys, server: server ?? house.keys.publicKey)) }
    try socket.connect(house.endpoint)
    _ = try socket.send(Multipart(text(word)))
    return socket
  }

  @Test(.timeLimit(.minutes(1)), arguments: [Transport.tcp, .ipc])
  func onlyListedKeysGetIn(transport: Transport) async throws {
    let house = try await House(transport: transport)
    let gate = house.gate
    let (friend, stranger) = (try CurveKeys.make(), try CurveKeys.make())
    gate.listed.withLock { _ = $0.insert(friend.publicKey) }
    let others = [
      try call(house, "stranger", as: stranger), try call(house, "plain", as: nil),
      try call(house, "wrong server", as: friend, server: stranger.publicKey),
    ]
    try eventually { gate.visitors.withLock { $0.contains { $0.key == stranger.publicKey } } }
    let welcome = try call(house, "friend", as: friend)
    try eventually { gate.received.withLock { !$0.isEmpty } }
    let message = gate.received.withLock { $0[0] }
    #expect(message.parts.last?.array == Array("friend".utf8))
    #expect(message.sender == friend.publicKey)
    // One more try, after the others had their time: still nothing of theirs came.
    let again = try call(house, "again", as: stranger)
    try eventually { gate.visitors.withLock { $0.filter { $0.key == stranger.publicKey }.count > 1 } }
    #expect(gate.received.withLock { $0.count } == 1)
    let keys = gate.visitors.withLock { Set($0.map(\.key)) }
    #expect(keys == [friend.publicKey, stranger.publicKey], "the others do not come as far as the list")
    #expect(gate.visitors.withLock { $0.allSatisfy { $0.isLocal == (transport == .ipc) } })
    if transport == .tcp { #expect(gate.visitors.withLock { $0.allSatisfy { $0.address == "127.0.0.1" } }) }
    #expect(gate.visitors.withLock { $0.allSatisfy { $0.domain == "worker" } })
    for socket in others + [welcome, again] { socket.close() }
    house.end()
  }

  @Test func aGatekeeperIsOfOneContext() throws {
    let (here, there) = (try Context(), try Context())
    let gatekeeper = try Gatekeeper(context: there) { _ in true }
    let router = try Socket(.router, in: here)
    let keys = try CurveKeys.make()
    #expect(code { try router.secure(.server(keys, domain: "worker", gatekeeper)) } == .invalid)
    #expect(code { _ = try Gatekeeper(context: there) { _ in true } } == .addressInUse)
    router.close()
    here.terminate()
    there.terminate()
  }

  @Test(.timeLimit(.minutes(1))) func onlyEndpointsBoundAfterwardsAreSecured() async throws {
    let context = try Context()
    let keys = try CurveKeys.make()
    let gatekeeper = try Gatekeeper(context: context) { _ in false }
    let router = try Socket(.router, in: context)
    let plain = try router.bind("ipc://@sluice-test-\(uniqueNumber())")
    try router.secure(.server(keys, domain: "worker", gatekeeper))
    _ = try router.bind("tcp://127.0.0.1:*")
    try router.secure(.none)
    let again = try router.bind("ipc://@sluice-test-\(uniqueNumber())")
    for endpoint in [plain, again] {
      let dealer = try Socket(.dealer, in: context)
      try dealer.connect(endpoint)
      _ = try dealer.send(Multipart(text("local")))
      var message: Multipart?
      try eventually {
        message = try router.receive()
        return message != nil
      }
      #expect(message?.sender == nil && message?.parts.last?.array == Array("local".utf8))
      dealer.close()
    }
    router.close()
    context.terminate()
  }

  @Test func keysShowTheirPublicHalfOnly() throws {
    let keys = try CurveKeys.make()
    var shown = ""
    dump(keys, to: &shown)
    shown += "\(keys) \(String(reflecting: keys)) \([keys])"
    #expect(shown.contains(keys.publicKey) && !shown.contains(keys.secretKey))
    #expect(try CurveKeys(publicKey: keys.publicKey, secretKey: keys.secretKey) == keys)
    let other = try CurveKeys.make()
    #expect(throws: ZeroMQError.self) { try CurveKeys(publicKey: other.publicKey, secretKey: keys.secretKey) }
    #expect(throws: ZeroMQError.self) { try CurveKeys(publicKey: keys.publicKey, secretKey: "short") }
    #expect(CurveKeys.isKey(keys.publicKey) && !CurveKeys.isKey(String(keys.publicKey.dropLast())))
    #expect(!CurveKeys.isKey(String(repeating: "é", count: 20)))
  }
}
