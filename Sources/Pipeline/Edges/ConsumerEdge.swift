package import Wire
package import ZeroMQ

/// The consuming end of data edges: one DEALER to each producer. Lives on its stage's socket thread.
package final class ConsumerEdge {
  private let place: ProcessPlace
  private let identity: WorkerID
  private let thread: SocketThread
  private var sockets: [WorkerID: Socket] = [:]
  package private(set) var peers: [WorkerID: Peers.Peer] = [:]
  package private(set) var malformedDropped = 0

  /// From whom, the envelope, the parts behind it.
  package var onMessage: (WorkerID, Envelope, ArraySlice<MessagePart>) -> Void = { _, _, _ in }

  package init(identity: WorkerID, place: ProcessPlace, thread: SocketThread) {
    self.identity = identity
    self.place = place
    self.thread = thread
  }

  /// Connects to the new ones and lets go of those that are not there any more.
  package func update(_ current: [Peers.Peer]) {
    let names = Set(current.map(\.identity.id))
    for gone in sockets.keys.filter({ !names.contains($0) }).sorted() { disconnect(gone) }
    for peer in current where sockets[peer.identity.id] == nil { connect(peer) }
  }

  /// Whether the message was handed over; false when the peer is not known.
  @discardableResult
  package func send(_ envelope: Envelope, _ payload: [MessagePart] = [], to peer: WorkerID) -> Bool {
    guard let socket = sockets[peer] else { return false }
    return (try? socket.send(Multipart(parts: [MessagePart(bytes: envelope.encoded())] + payload))) ?? false
  }

  /// Whether a peer lives in this process: what goes between needs no checksum.
  package func isInProcess(_ peer: WorkerID) -> Bool { peers[peer]?.identity.processToken == place.token }

  /// The process of a peer of this host whose memory may be readable; nil for this process itself and other hosts.
  package func neighbor(_ peer: WorkerID) -> Int32? {
    guard !isInProcess(peer), let identity = peers[peer]?.identity, identity.host == place.host else { return nil }
    return identity.processID
  }

  package func close() {
    for peer in sockets.keys.sorted() { disconnect(peer) }
  }

  private func connect(_ peer: Peers.Peer) {
    var options = SocketOptions()
    options.identity = Array(identity.utf8)
    guard let endpoint = place.endpoint(for: peer),
      let socket = try? Socket(.dealer, in: place.context, options: options),
      (try? place.security.connect(socket, to: endpoint, key: peer.data.key)) != nil
    else { return }
    let id = peer.identity.id
    sockets[id] = socket
    peers[id] = peer
    thread.watch(socket) { [unowned self] in drain(id) }
  }

  private func disconnect(_ peer: WorkerID) {
    guard let socket = sockets.removeValue(forKey: peer) else { return }
    peers[peer] = nil
    thread.unwatch(socket)
    socket.close()
  }

  private func drain(_ peer: WorkerID) {
    while let socket = sockets[peer], let message = try? socket.receive() {
      guard let head = message.parts.first, let envelope = try? head.withUnsafeBytes(Envelope.decode) else {
        malformedDropped += 1
        continue
      }
      onMessage(peer, envelope, message.parts[1...])
    }
  }
}
