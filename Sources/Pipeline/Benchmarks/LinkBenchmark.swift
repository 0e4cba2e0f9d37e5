import Glibc
import Tensors
import Topology
package import Wire
import ZeroMQ

/// Clips from an augment worker's data edge to a batch worker's over tcp loopback, as these stages send and keep them: a message
/// each, header, checksum and all. The two have a context and a socket thread each, like two processes.
package struct LinkBenchmark: Sendable {
  package struct Result: Encodable, Sendable {
    package var clips: Int
    package var clipBytes: Int
    /// Of the clips on the wire, to their size.
    package var compressedShare: Double
    package var clipsPerSecond: Double
    package var gigabytesPerSecond: Double
    package var cpuSecondsPerGigabyte: Double

    package enum CodingKeys: String, CodingKey {
      case clips
      case clipBytes = "clip_bytes"
      case compressedShare = "compressed_share"
      case clipsPerSecond = "clips_per_second"
      case gigabytesPerSecond = "gigabytes_per_second"
      case cpuSecondsPerGigabyte = "cpu_seconds_per_gigabyte"
    }
  }

  private let clips: Int
  private let side: Int
  private let compression: Compression
  /// Batches asked for and not whole yet: a window of rounds, as the plan leases them.
  private static let inFlight = 2
  fileprivate static let batch = 16
  private static let frames = 8

  /// - Parameters:
  ///   - clips: at least; whole batches are sent.
  ///   - side: of a clip's frames, in pixels; a clip has 8.
  package init(clips: Int, side: Int, compression: Compression) {
    self.clips = (clips + Self.batch - 1) / Self.batch * Self.batch
    self.side = side
    self.compression = compression
  }

  package func run() async throws -> Result {
    // As the workers do.
    Context.keepFreedMemory()
    let dimensions = [Self.frames, side, side, 3]
    let clipBytes = dimensions.reduce(1, *)
    let sender = try LinkSender()
    let receiver = try LinkReceiver(peer: sender.peer, clipBytes: clipBytes)
    await sender.start(Self.clip(byteCount: clipBytes, side: side), dimensions: dimensions, compression: compression)
    let (began, cpu) = (Monotonic.seconds(), Monotonic.seconds(of: CLOCK_PROCESS_CPUTIME_ID))
    try await receiver.receive(batches: clips / Self.batch, inFlight: Self.inFlight)
    let (seconds, spent) = (Monotonic.seconds() - began, Monotonic.seconds(of: CLOCK_PROCESS_CPUTIME_ID) - cpu)
    let bytesOut = await sender.close()
    await receiver.close()
    let gigabytes = Double(clips * clipBytes) / 1e9
    return Result(
      clips: clips, clipBytes: clipBytes, compressedShare: Double(bytesOut) / (gigabytes * 1e9),
      clipsPerSecond: Double(clips) / seconds, gigabytesPerSecond: gigabytes / seconds,
      cpuSecondsPerGigabyte: spent / gigabytes)
  }

  /// Slopes with a little noise.
  private static func clip(byteCount: Int, side: Int) -> AlignedBuffer {
    let buffer = AlignedBuffer(byteCount: byteCount)
    for index in 0..<byteCount {
      let noise = (index &* 2_654_435_761) >> 13 & 3
      buffer.bytes[index] = UInt8(truncatingIfNeeded: index / 3 % side + noise)
    }
    return buffer
  }
}

/// Answers each request with the clips of a batch.
private actor LinkSender {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  nonisolated let peer: Peers.Peer
  private let edge: ProducerEdge

  init() throws {
    thread = SocketThread(name: "link-sender")
    let place = try ProcessPlace(context: try Context(), host: "here", address: "127.0.0.1")
    edge = try ProducerEdge(name: "link", place: place, thread: thread)
    let identity = WorkerIdentity(
      id: "here/augment/0", role: .stage, stage: .augment, host: "here", processID: getpid(), processToken: place.token)
    peer = Peers.Peer(identity: identity, data: edge.endpoints, shard: nil)
  }

  func start(_ clip: AlignedBuffer, dimensions: [Int], compression: Compression) {
    edge.onRequest = { [unowned edge] consumer, envelope, _ in
      guard let group = try? GroupKey(body: envelope.body) else { return }
      for slot in 0..<LinkBenchmark.batch {
        let key = ItemKey(group: group, slot: slot)
        let encoded = TensorCodec.encode(
          clip, elementType: .uint8, layout: .thwc, dimensions: dimensions, compression: compression,
          seed: key.stableHash)
        let header = ClipHeader(key: key, owner: 1, labels: [0], tensor: encoded.descriptor)
        edge.send(
          Envelope(.clip, stamp: benchmarkStamp, body: header.encodedBody),
          [MessagePart(encoded.payload, count: encoded.payloadByteCount)], to: consumer)
      }
    }
    edge.start()
  }

  /// - Returns: bytes of clips sent.
  func close() -> Int {
    edge.close()
    return edge.bytesOut
  }
}

/// Asks for batches, verifies their clips and keeps them until the batch is whole.
private actor LinkReceiver {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let edge: ConsumerEdge
  private let peer: Peers.Peer
  private let clipBytes: Int
  private var batches: [GroupKey: [MessagePart]] = [:]
  private var missing = 0
  private var toAsk = 0
  private var finish: CheckedContinuation<Void, any Error>?

  init(peer: Peers.Peer, clipBytes: Int) throws {
    thread = SocketThread(name: "link-receiver")
    edge = ConsumerEdge(
      identity: "there/batch/0", place: try ProcessPlace(context: try Context(), host: "there", address: nil),
      thread: thread)
    self.peer = peer
    self.clipBytes = clipBytes
  }

  func receive(batches count: Int, inFlight: Int) async throws {
    (missing, toAsk) = (count, count)
    edge.onMessage = { [unowned self] _, envelope, payload in assumeIsolated { $0.take(envelope, payload) } }
    edge.update([peer])
    for _ in 0..<min(inFlight, count) { ask() }
    try await withCheckedThrowingContinuation { finish = $0 }
  }

  func close() { edge.close() }

  private func ask() {
    guard toAsk > 0 else { return }
    toAsk -= 1
    let group = GroupKey(kind: .training, step: toAsk, index: 0)
    edge.send(Envelope(.fetchBatch, stamp: benchmarkStamp, body: group.encodedBody), to: peer.identity.id)
  }

  private func take(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    do {
      let header = try ClipHeader(body: envelope.body)
      guard let clip = payload.first else { throw WireError(.short, "a clip without its frames") }
      try clip.withUnsafeBytes {
        try TensorCodec.verify(
          header.tensor, payload: $0, seed: header.key.stableHash, maximumByteCount: clipBytes)
      }
      keep(clip, of: header.key.group)
    } catch {
      finish?.resume(throwing: error)
      finish = nil
    }
  }

  private func keep(_ clip: MessagePart, of group: GroupKey) {
    batches[group, default: []].append(clip)
    guard batches[group]!.count == LinkBenchmark.batch else { return }
    batches[group] = nil
    missing -= 1
    ask()
    guard missing == 0 else { return }
    finish?.resume()
    finish = nil
  }
}
