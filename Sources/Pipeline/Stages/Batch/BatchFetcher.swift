package import Tensors
import Wire
package import ZeroMQ

/// A batch as a consumer has it: each clip checked against its own key.
package struct FetchedBatch: Sendable {
  package let group: GroupKey
  package let slots: [BatchHeader.Slot]
  /// uint8 (N, T, H, W, 3).
  package let clips: AlignedBuffer
  package let dimensions: [Int]

  /// Of each clip, the one it was drawn for first.
  package var labels: [[Int]] { slots.map(\.labels) }
  package var consumed: ConsumedDigest { ConsumedDigest(consuming: slots.map(\.key)) }
}

/// Asks batch workers for batches by key, again and again until they come. Lives on the consumer's socket thread.
package final class BatchFetcher {
  private let edge: ConsumerEdge
  private let thread: SocketThread
  private let stamp: () -> RunStamp
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
    guard envelope.stamp == stamp(), envelope.messageKind == .batch, payload.count == 1,
      let header = try? BatchHeader(body: envelope.body)
    else {
      malformedDropped += 1
      return
    }
    guard wanted[header.group] != nil else { return }
    guard let batch = Self.check(header, payload.first!) else {
      malformedDropped += 1
      return
    }
    wanted[header.group] = nil
    onBatch(batch)
  }

  /// The batch, if its bytes are what the header says and each clip is the one its key names.
  private static func check(_ header: BatchHeader, _ part: MessagePart) -> FetchedBatch? {
    let tensor = header.tensor
    guard tensor.dimensions.count == 5, tensor.dimensions[0] == header.slots.count, tensor.elementType == .uint8,
      let clips = try? part.withUnsafeBytes({
        try TensorCodec.decode(tensor, payload: $0, seed: 0, maximumByteCount: maximumBatchBytes)
      })
    else { return nil }
    let clipBytes = clips.byteCount / header.slots.count
    for (index, slot) in header.slots.enumerated() {
      let bytes = UnsafeRawBufferPointer(rebasing: clips.bytes[(index * clipBytes)..<((index + 1) * clipBytes)])
      guard TensorCodec.checksum(bytes, seed: slot.key.stableHash) == slot.checksum else { return nil }
    }
    return FetchedBatch(
      group: header.group, slots: header.slots, clips: clips, dimensions: tensor.dimensions)
  }
}
