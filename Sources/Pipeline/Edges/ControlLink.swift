package import Wire
package import ZeroMQ

/// A worker's line to the coordinator: says hello until it is welcome, beats, and keeps the run's stamp.
///
/// Lives on the worker's socket thread.
package final class ControlLink {
  private let socket: Socket
  private let endpoint: String
  private let security: RunSecurity
  private let thread: SocketThread
  private let hello: () -> Hello
  private let counters: () -> WorkerCounters
  package private(set) var stamp = RunStamp()
  private var isWelcome = false
  package private(set) var hasBeenWelcome = false
  private var isClosed = false
  package private(set) var staleDropped = 0
  package private(set) var malformedDropped = 0

  package var onWelcome: (Welcome) -> Void = { _ in }
  package var onRefused: (String) -> Void = { _ in }
  package var onMessage: (MessageKind, Envelope) -> Void = { _, _ in }
  /// Nobody has answered for so many seconds; called at a falling rate.
  package var onSilence: (Int) -> Void = { _ in }
  /// A coordinator that was silent answers again.
  package var onWord: () -> Void = {}
  /// Whether heartbeats are answered: a node's are.
  private let isAnswered: Bool
  private var silence = Silence(since: Monotonic.seconds())
  private var lastHeard = Monotonic.seconds()
  private var isSilent = false

  private static let beat = Duration.milliseconds(500)
  /// An answer that is late by so much is worth a word.
  private static let lateSeconds = 8.0

  package init(
    join endpoint: String, identity: WorkerIdentity, context: Context, security: RunSecurity, thread: SocketThread,
    hello: @escaping () -> Hello, counters: @escaping () -> WorkerCounters
  ) throws(ZeroMQError) {
    var options = SocketOptions()
    options.identity = Array(identity.id.utf8)
    socket = try Socket(.dealer, in: context, options: options)
    isAnswered = identity.role == .node
    self.thread = thread
    self.hello = hello
    self.counters = counters
    self.endpoint = endpoint
    self.security = security
    try security.connect(socket, toCoordinator: endpoint)
  }

  package func start() {
    thread.watch(socket) { [unowned self] in drain() }
    sendHello()
    scheduleBeat()
  }

  package func close() {
    guard !isClosed else { return }
    isClosed = true
    thread.unwatch(socket)
    socket.close()
  }

  package func send(_ message: some ControlMessage) { send(message.envelope(stamp)) }

  package func send(_ kind: MessageKind, _ body: some WireCodable) {
    send(Envelope(kind, stamp: stamp, body: body.encodedBody))
  }

  private func send(_ envelope: Envelope) {
    guard !isClosed else { return }
    // Without a high-water mark a dealer never blocks; what a dead coordinator misses, its successor asks for again.
    _ = try? socket.send(Multipart(MessagePart(bytes: envelope.encoded())))
  }

  private func sendHello() { send(hello()) }

  /// What hello says has changed.
  package func sayHello() { if isWelcome { sendHello() } }

  private func scheduleBeat() {
    _ = thread.schedule(after: Self.beat) { [weak self] in
      guard let self, !isClosed else { return }
      if isWelcome {
        send(Heartbeat(counters: counters()))
        if isAnswered { watchForAnswers() }
      } else {
        sendHello()
        if let seconds = silence.worthAWord(now: Monotonic.seconds()) {
          onSilence(seconds)
          knockAgain()
        }
      }
      scheduleBeat()
    }
  }

  private func watchForAnswers() {
    let now = Monotonic.seconds()
    guard now - lastHeard > Self.lateSeconds else { return }
    if !isSilent { silence = Silence(since: lastHeard) }
    isSilent = true
    if let seconds = silence.worthAWord(now: now) { onSilence(seconds) }
  }

  private func heard() {
    lastHeard = Monotonic.seconds()
    guard isSilent else { return }
    isSilent = false
    onWord()
  }

  /// Whose key was refused is not connected again by libzmq; meanwhile the key may have been listed.
  private func knockAgain() {
    guard security.covers(endpoint) else { return }
    socket.disconnect(endpoint)
    try? security.connect(socket, toCoordinator: endpoint)
  }

  private func drain() {
    while !isClosed, let message = try? socket.receive() {
      guard let part = message.parts.first, let envelope = try? part.withUnsafeBytes(Envelope.decode),
        let kind = envelope.messageKind
      else {
        malformedDropped += 1
        continue
      }
      heard()
      receive(kind, envelope)
    }
  }

  private func receive(_ kind: MessageKind, _ envelope: Envelope) {
    if isWelcome, envelope.run != stamp.run || envelope.incarnation < stamp.incarnation {
      staleDropped += 1
      return
    }
    switch kind {
    case .welcome:
      guard let welcome = try? Welcome(from: envelope) else {
        malformedDropped += 1
        return
      }
      let isKnown = hasBeenWelcome && envelope.stamp == stamp
      stamp = envelope.stamp
      isWelcome = true
      hasBeenWelcome = true
      // Hellos may cross: a second welcome to the same incarnation changes nothing.
      if !isKnown { onWelcome(welcome) }
    case .introduce:
      isWelcome = false
      silence = Silence(since: Monotonic.seconds())
      sendHello()
    case .refused:
      onRefused((try? Refused(from: envelope))?.reason ?? "refused by the coordinator")
    case .dismissed where hasBeenWelcome && envelope.run == stamp.run: onMessage(kind, envelope)
    default:
      // Also while it is asked again who it is.
      guard hasBeenWelcome, envelope.stamp == stamp else {
        staleDropped += 1
        return
      }
      onMessage(kind, envelope)
    }
  }
}
