package import Tensors
import Wire
package import ZeroMQ

/// Brings a version's parameters together from all shards: asks by version, again and again until they come. Also takes
/// contributions there and keeps them until each shard says it has them. Lives on the train worker's socket thread.
package final class ShardLink {
  private let edge: ConsumerEdge
  private let thread: SocketThread
  private let stamp: () -> RunStamp
  private let onParameters: (Int) -> Void
  private let onTaken: (TreeNode, Int) -> Void
  private var map: BlockMap?
  private var workers: [Int: WorkerID] = [:]

  /// The flat vector being put together, or whole.
  package private(set) var vector: AlignedBuffer?
  private var wantedVersion: Int?
  /// The version `vector` holds, once it is whole.
  package var wholeVersion: Int? { missingShards.isEmpty ? wantedVersion : nil }
  private var missingShards: Set<Int> = []
  private var unacknowledged: [Contribution] = []
  private var isRetrying = false
  package private(set) var malformedDropped = 0

  private struct Contribution {
    var version: Int
    var node: TreeNode
    var buffer: AlignedBuffer
    var blocksLeft: Set<Int>
  }

  private static let retryInterval = Duration.seconds(2)

  package init(
    identity: WorkerID, place: ProcessPlace, thread: SocketThread, stamp: @escaping () -> RunStamp,
    onParameters: @escaping (Int) -> Void, onTaken: @escaping (TreeNode, Int) -> Void
  ) {
    edge = ConsumerEdge(identity: identity, place: place, thread: thread)
    self.thread = thread
    self.stamp = stamp
    self.onParameters = onParameters
    self.onTaken = onTaken
    edge.onMessage = { [unowned self] _, envelope, payload in receive(envelope, payload) }
  }

  /// A new run or incarnation: what was asked for or under way does not count any more.
  package func reset(map: BlockMap) {
    self.map = map
    vector = nil
    wantedVersion = nil
    unacknowledged = []
  }

  package func update(_ peers: Peers) {
    workers = [:]
    for peer in peers.peers { if let shard = peer.shard { workers[shard] = peer.identity.id } }
    edge.update(peers.peers)
    askAgain()
  }

  package func close() { edge.close() }

  /// Asks every shard for its blocks at `version`.
  package func fetch(version: Int) {
    guard let map, wantedVersion != version else { return }
    wantedVersion = version
    vector = AlignedBuffer(byteCount: map.elements * 4)
    missingShards = Set(0..<map.shards)
    for shard in missingShards { ask(shard) }
    scheduleRetry()
  }

  /// Sends a contribution block by block to the shards that own them.
  package func contribute(version: Int, node: TreeNode, _ buffer: AlignedBuffer) {
    guard let map else { return }
    let contribution = Contribution(
      version: version, node: node, buffer: buffer, blocksLeft: Set(0..<map.blockCount))
    unacknowledged.append(contribution)
    for block in 0..<map.blockCount { send(block, of: contribution) }
    scheduleRetry()
  }

  private func ask(_ shard: Int) {
    guard let worker = workers[shard], let wantedVersion else { return }
    edge.send(Envelope(.fetchParameters, stamp: stamp(), body: wantedVersion.encodedBody), to: worker)
  }

  private func send(_ block: Int, of contribution: Contribution) {
    guard let map, let worker = workers[map.shard(of: block)] else { return }
    let range = map.range(of: block)
    let bytes = UnsafeRawBufferPointer(
      rebasing: contribution.buffer.bytes[(range.lowerBound * 4)..<(range.upperBound * 4)])
    let tensor = TensorDescriptor(
      elementType: .float32, layout: .flat, dimensions: [range.count], compression: .none,
      storedByteCount: bytes.count, checksum: TensorCodec.checksum(bytes, seed: 0))
    let header = BlockHeader(version: contribution.version, block: block, node: contribution.node, tensor: tensor)
    edge.send(
      Envelope(.contribution, stamp: stamp(), body: header.encodedBody),
      [MessagePart(contribution.buffer, from: range.lowerBound * 4, count: bytes.count)], to: worker)
  }

  private func askAgain() {
    for shard in missingShards.sorted() { ask(shard) }
    for contribution in unacknowledged {
      for block in contribution.blocksLeft.sorted() { send(block, of: contribution) }
    }
  }

  private func scheduleRetry() {
    guard !isRetrying else { return }
    isRetrying = true
    _ = thread.schedule(after: Self.retryInterval) { [weak self] in
      guard let self else { return }
      isRetrying = false
      guard !missingShards.isEmpty || !unacknowledged.isEmpty else { return }
      askAgain()
      scheduleRetry()
    }
  }

  private func receive(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    guard envelope.stamp == stamp() else { return }
    switch envelope.messageKind {
    case .parameters: takeParameters(envelope, payload)
    case .contributionTaken:
      guard let taken = try? BlockTaken(body: envelope.body) else { return malformedDropped += 1 }
      acknowledge(taken)
    default: malformedDropped += 1
    }
  }

  private func takeParameters(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>) {
    guard let map, let vector, let header = try? ParametersHeader(body: envelope.body),
      header.blocks == map.blocks(of: header.shard), header.tensors.count == payload.count,
      header.blocks.count == payload.count
    else { return malformedDropped += 1 }
    guard header.version == wantedVersion, missingShards.contains(header.shard) else { return }
    for ((block, tensor), part) in zip(zip(header.blocks, header.tensors), payload) {
      let range = map.range(of: block)
      let isCopied = part.withUnsafeBytes { bytes in
        guard bytes.count == range.count * 4, tensor.checksum == TensorCodec.checksum(bytes, seed: 0) else {
          return false
        }
        (vector.bytes.baseAddress! + range.lowerBound * 4).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        return true
      }
      guard isCopied else { return malformedDropped += 1 }
    }
    missingShards.remove(header.shard)
    if missingShards.isEmpty { onParameters(header.version) }
  }

  private func acknowledge(_ taken: BlockTaken) {
    guard
      let index = unacknowledged.firstIndex(where: { $0.version == taken.version && $0.node == taken.node })
    else { return }
    unacknowledged[index].blocksLeft.remove(taken.block)
    guard unacknowledged[index].blocksLeft.isEmpty else { return }
    unacknowledged.remove(at: index)
    onTaken(taken.node, taken.version)
  }
}
