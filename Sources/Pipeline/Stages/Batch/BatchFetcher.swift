package import Tensors
import Wire
package import ZeroMQ

/// A batch as a consumer has it: each clip checked against its own key.
package struct FetchedBatch: Sendable {
  package let group: GroupKey
  package let slots: [ClipHeader]
  /// uint8 (N, T, H, W, 3).
  package let clips: AlignedBuffer
  package let dimensions: [Int]

  package init(group: GroupKey, slots: [ClipHeader], clips: AlignedBuffer, dimensions: [Int]) {
    self.group = group
    self.slots = slots
    self.clips = clips
    self.dimensions = dimensions
  }

  /// Of each clip, the one it was drawn for first.
  package var labels: [[Int]] { slots.map(\.labels) }
  package var consumed: ConsumedDigest { ConsumedDigest(consuming: slots.map(\.key)) }
}

/// Asks batch workers for batches by key, again and again until they come. Lives on the consumer's socket thread.
package final class BatchFetcher {
  private let edge: ConsumerEdge
  private let thread: SocketThread
  private let stamp: () -> RunStamp
  /// Of the clips as they come; they are given on in RGB.
  package var format = PixelFormat.rgb24
  private let onBatch: (FetchedBatch) -> Void
  private var wanted: [GroupKey: WorkerID] = [:]
  private var isRetrying = false
  package private(set) var malformedDropped = 0

  private static let retryInterval = Duration.milliseconds(1000)
  private static let maximumBatchBytes = 1 << 32

  package init(
    identity: WorkerID, place: ProcessPlace, thread: SocketThread, stamp: @escaping () -> RunStamp,
    onBatch: @escaping (FetchedBatch) -> Void
  ) {
    edge = ConsumerEdge(identity: identity, place: place, thread: thread)
    self.thread = thread
    self.stamp = stamp
    self.onBatch = onBatch
    edge.onMessage = { [unowned self] _, envelope, payload in receive(envelope, payload) }
  }

  package func update(_ peers: Peers) {
    edge.update(peers.peers)
    for (group, worker) in wanted { ask(group, worker) }
  }

  package func fetch(_ group: GroupKey, from worker: WorkerID) {
    wanted[group] = worker
    ask(group, worker)
    scheduleRetry()
  }

  package func cancelAll() { wanted = [:] }

  package func cancel(_ group: GroupKey) { wanted[group] = nil }

  package func close() {
    wanted = [:]
    edge.close()
  }

  private func ask(_ group: GroupKey, _ worker: WorkerID) {
    edge.send(Envelope(.fetchBatch, stamp: stamp(), body: group.encodedBody), to: worker)
  }

  private func scheduleRetry() {
    guard !isRetrying else { return }
    isRetrying = true
    _ = thread.schedule(after: Self.retryInterval) { [weak self] in
      guard let self else { return }
      isRetrying = false
      guard !wanted.isEmpty else { return }
      for (group, worker) in wanted { ask(group, worker) }
      scheduleRetry()
    }
  }

  private func receive(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    guard envelope.stamp == stamp(), envelope.messageKind == .batch,
      let header = try? BatchHeader(body: envelope.body)
    else {
      malformedDropped += 1
      return
    }
    guard wanted[header.group] != nil else { return }
    guard let batch = check(header, payload) else {
      malformedDropped += 1
      return
    }
    wanted[header.group] = nil
    onBatch(batch)
  }

  /// The batch, if its parts are what the header says and each clip is the one its key names.
  private func check(_ header: BatchHeader, _ parts: ArraySlice<MessagePart>) -> FetchedBatch? {
    guard let first = header.slots.first?.tensor, let size = first.size(of: format),
      header.slots.count == parts.count,
      header.slots.allSatisfy({ $0.tensor.dimensions == first.dimensions && $0.tensor.layout == first.layout }),
      let byteCount = Self.byteCount(ofEach: header.slots, parts)
    else { return nil }
    let dimensions = PixelFormat.rgb24.dimensions(frames: size.frames, height: size.height, width: size.width)
    let clipBytes = dimensions.reduce(1, *)
    let clips = AlignedBuffer(byteCount: clipBytes * parts.count)
    // Planes are unpacked here first; RGB goes to its place at once.
    let planes = format == .rgb24 ? nil : AlignedBuffer(byteCount: byteCount)
    for (index, (slot, part)) in zip(header.slots, parts).enumerated() {
      let place = UnsafeMutableRawBufferPointer(
        rebasing: clips.bytes[(index * clipBytes)..<((index + 1) * clipBytes)])
      let isWhole: Void? = try? part.withUnsafeBytes {
        try TensorCodec.decode(slot.tensor, payload: $0, seed: slot.key.stableHash, into: planes?.bytes ?? place)
      }
      guard isWhole != nil else { return nil }
      if let planes {
        format.toRGB(
          UnsafeRawBufferPointer(planes.bytes), count: size.frames, height: size.height, width: size.width, to: place)
      }
    }
    return FetchedBatch(
      group: header.group, slots: header.slots, clips: clips, dimensions: [parts.count] + dimensions)
  }

  /// Bytes of a clip, all of one shape, once every part is known to be able to hold its own.
  private static func byteCount(ofEach slots: [ClipHeader], _ parts: ArraySlice<MessagePart>) -> Int? {
    var byteCount: Int?
    for (slot, part) in zip(slots, parts) {
      byteCount = try? part.withUnsafeBytes {
        try TensorCodec.checkedByteCount(
          of: slot.tensor, payload: $0, maximumByteCount: maximumBatchBytes / slots.count)
      }
      if byteCount == nil { return nil }
    }
    return byteCount
  }
}
