import Tensors
import Topology
import Wire
import ZeroMQ

/// Collates the clips of one replica in one step and keeps the batch until the step is committed.
package actor BatchStage: StageActor {
  private nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let launch: StageLaunch
  private var core: StageCore!
  private var input: ConsumerEdge!
  private var store = BatchStore()
  private var accepted = Accepted(keys: [], owners: [])
  private var isReporting = false

  private static let maximumClipBytes = 1 << 28

  package init(launch: StageLaunch) {
    self.launch = launch
    thread = SocketThread(name: "batch")
  }

  package func run() async throws -> StageEnd {
    core = try StageCore(stage: .batch, launch: launch, thread: thread, produces: true)
    input = ConsumerEdge(identity: core.identity.id, place: launch.place, thread: thread)
    input.onMessage = { _, envelope, payload in self.receive(envelope, payload) }
    core.output!.onRequest = { consumer, envelope, _ in self.serve(consumer, envelope) }
    core.onConfigure = {
      self.store = BatchStore(format: PixelFormat($0.topology.links.format))
      self.accepted = Accepted(keys: [], owners: [])
    }
    core.onMessage = { kind, envelope in self.handle(kind, envelope) }
    core.start()
    let end = await withCheckedContinuation { core.waitForEnd($0) }
    input.close()
    core.close()
    return end
  }

  package func leave() { core?.leave() }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .peers: if let peers = try? Peers(from: envelope) { input.update(peers.peers) }
    case .commit: if let commit = try? Commit(from: envelope) { store.commit(version: commit.version) }
    case .drop: if let drop = try? Drop(from: envelope) { store.forget(drop.group) }
    default: core.counters.malformedDropped += 1
    }
  }

  private func receive(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    let began = Monotonic.seconds()
    defer { core.counters.busySeconds += Monotonic.seconds() - began }
    guard envelope.run == core.stamp.run, envelope.messageKind == .clip, payload.count == 1,
      let header = try? ClipHeader(body: envelope.body), let topology = core.configuration?.topology,
      Self.isWhole(header, payload.first!)
    else {
      core.counters.malformedDropped += 1
      return
    }
    let slots = header.key.group.kind == .training ? topology.train.clipsPerReplica : topology.evaluate?.clips ?? 0
    switch store.insert(header, payload.first!, slots: slots) {
    case .accepted:
      core.counters.items += 1
      report(header)
    case .duplicate:
      core.counters.duplicatesDropped += 1
      report(header)
    case .stale: core.counters.duplicatesDropped += 1
    case .misshapen: core.counters.malformedDropped += 1
    }
    core.tap.publish(header.key) {
      (
        ["label": .integer(header.labels[0])],
        Self.clip(header, payload.first!).map { TapPublisher.Frame(buffer: $0, tensor: header.tensor) }
      )
    }
  }

  /// Whether the payload is the clip of its header.
  private static func isWhole(_ header: ClipHeader, _ part: MessagePart) -> Bool {
    let verified: Void? = try? part.withUnsafeBytes {
      try TensorCodec.verify(
        header.tensor, payload: $0, seed: header.key.stableHash, maximumByteCount: maximumClipBytes)
    }
    return verified != nil
  }

  /// The clip, unpacked for whoever watches.
  private static func clip(_ header: ClipHeader, _ part: MessagePart) -> AlignedBuffer? {
    try? part.withUnsafeBytes {
      try TensorCodec.decode(
        header.tensor, payload: $0, seed: header.key.stableHash, maximumByteCount: maximumClipBytes)
    }
  }

  /// Says what was accepted, together with what comes in at the same moment.
  private func report(_ header: ClipHeader) {
    accepted.append(header.key, owner: header.owner)
    guard !isReporting else { return }
    isReporting = true
    thread.perform { self.assumeIsolated { $0.flush() } }
  }

  private func flush() {
    isReporting = false
    guard !accepted.keys.isEmpty else { return }
    core.link.send(.accepted, accepted)
    accepted = Accepted(keys: [], owners: [])
  }

  private func serve(_ consumer: WorkerID, _ envelope: Envelope) {
    guard envelope.stamp == core.stamp, envelope.messageKind == .fetchBatch,
      let group = try? GroupKey(body: envelope.body), let batch = store.whole(group)
    else {
      core.counters.staleDropped += 1
      return
    }
    var clips = batch.slots.map { $0! }
    launch.faults.tamper(&clips, group: group)
    let header = BatchHeader(group: group, slots: clips.map(\.header))
    core.output!.send(
      Envelope(.batch, stamp: core.stamp, body: header.encodedBody), clips.map(\.payload), to: consumer)
  }
}

extension FaultPoints {
  /// A test build drops, repeats or swaps one clip of the batch it serves; the audit must notice.
  fileprivate func tamper(_ clips: inout [BatchStore.Clip], group: GroupKey) {
    guard let clip, group.kind == .training, group.step == clipStep, group.index == 0, clips.count > 1 else { return }
    switch clip {
    case .drop: clips.removeLast()
    case .repeat: clips[1] = clips[0]
    case .swap: clips.swapAt(0, 1)
    }
  }
}
