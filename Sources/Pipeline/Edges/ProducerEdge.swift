package import Wire
package import ZeroMQ

/// The producing end of data edges: a ROUTER its consumers connect to. Lives on its stage's socket thread.
///
/// A message for a consumer that is not connected yet waits a while; a lease covers what is given up.
package final class ProducerEdge {
  private let socket: Socket
  private let security: RunSecurity
  private let thread: SocketThread
  package let endpoints: Endpoints
  private var waiting: [(consumer: WorkerID, message: Multipart, triesLeft: Int)] = []
  private var isRetrying = false
  private var isClosed = false

  /// A consumer's request: who asks, the envelope, the parts behind it.
  package var onRequest: (WorkerID, Envelope, ArraySlice<MessagePart>) -> Void = { _, _, _ in }
  package private(set) var bytesOut = 0
  package private(set) var malformedDropped = 0

  private static let retryInterval = Duration.milliseconds(20)
  private static let tries = 250
  /// The largest is a block of gradients, 1 MiB.
  private static let maxRequestBytes: Int64 = 16 << 20

  package init(name: String, place: ProcessPlace, thread: SocketThread) throws(ZeroMQError) {
    socket = try Socket(.router, in: place.context, options: .requests(maxBytes: Self.maxRequestBytes))
    security = place.security
    self.thread = thread
    endpoints = try place.bind(socket, name: name, for: .worker)
  }

  package func start() { thread.watch(socket) { [unowned self] in drain() } }

  package func close() {
    guard !isClosed else { return }
    isClosed = true
    thread.unwatch(socket)
    socket.close()
    waiting = []
  }

  package func send(_ envelope: Envelope, _ payload: [MessagePart], to consumer: WorkerID) {
    guard !isClosed else { return }
    let parts = [MessagePart(bytes: Array(consumer.utf8)), MessagePart(bytes: envelope.encoded())] + payload
    let message = Multipart(parts: parts)
    bytesOut += payload.reduce(0) { $0 + $1.byteCount }
    if waiting.contains(where: { $0.consumer == consumer }) || !trySend(message) {
      waiting.append((consumer, message, Self.tries))
      scheduleRetry()
    }
  }

  /// Whether the message has gone.
  private func trySend(_ message: Multipart) -> Bool { (try? socket.send(message)) ?? false }

  private func scheduleRetry() {
    guard !isRetrying else { return }
    isRetrying = true
    _ = thread.schedule(after: Self.retryInterval) { [weak self] in self?.retry() }
  }

  private func retry() {
    isRetrying = false
    guard !isClosed else { return }
    var blocked: Set<WorkerID> = []
    var rest: [(consumer: WorkerID, message: Multipart, triesLeft: Int)] = []
    for entry in waiting {
      if blocked.contains(entry.consumer) || !trySend(entry.message) {
        blocked.insert(entry.consumer)
        if entry.triesLeft > 0 { rest.append((entry.consumer, entry.message, entry.triesLeft - 1)) }
      }
    }
    waiting = rest
    if !waiting.isEmpty { scheduleRetry() }
  }

  private func drain() {
    while !isClosed, let message = try? socket.receive() {
      guard security.accepts(message, from: .worker), message.parts.count >= 2,
        let envelope = try? message.parts[1].withUnsafeBytes(Envelope.decode)
      else {
        malformedDropped += 1
        continue
      }
      onRequest(String(decoding: message.parts[0].array, as: UTF8.self), envelope, message.parts[2...])
    }
  }
}
