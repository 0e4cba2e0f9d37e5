package import Tensors
import Wire
package import ZeroMQ

/// Brings a version's parameters together from all shards: asks by version, again and again until they come. Also takes
/// contributions there and keeps them until each shard says it has them. Lives on the train worker's socket thread.
package final class ShardLink {
  private let edge: ConsumerEdge
  private let thread: SocketThread
  private let stamp: () -> RunStamp
  /// Called when a version's first block is here, and when all are.
  private let onParameters: (Int) -> Void
  private let onTaken: (TreeNode, Int) -> Void
  private var map: BlockMap?
  private var isRounded = false
  private var workers: [Int: WorkerID] = [:]
  /// Shards of this host where the kernel lets either side not read the other's memory.
  private var unreadable: Set<WorkerID> = []
  /// By version: the one that is trained at, and the next one.
  private var vectors: [Int: IncomingVector] = [:]
  private var contributions: [Contribution] = []
  private var pool = BufferPool()
  private var isRetrying = false
  package private(set) var malformedDropped = 0

  private struct Contribution {
    let version: Int
    let node: TreeNode
    let buffer: AlignedBuffer
    /// Blocks from this one on have been sent.
    var firstSent: Int
    /// Blocks that no shard has said it has.
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
    edge.onMessage = { [unowned self] shard, envelope, payload in receive(envelope, payload, from: shard) }
  }

  /// A new run or incarnation: what was asked for or under way does not count any more.
  /// - Parameter isRounded: blocks travel in bfloat16.
  package func reset(map: BlockMap, isRounded: Bool = false) {
    self.map = map
    self.isRounded = isRounded
    abandonVectors()
    contributions = []
  }

  package func update(_ peers: Peers) {
    workers = [:]
    for peer in peers.peers { if let shard = peer.shard { workers[shard] = peer.identity.id } }
    edge.update(peers.peers)
    askAgain()
  }

  package func close() {
    abandonVectors()
    edge.close()
  }

  private func abandonVectors() {
    for vector in vectors.values { vector.abandon() }
    vectors = [:]
  }

  // MARK: Parameters

  /// The flat vector at `version`, once its first block is here; others may be on their way.
  package func parameters(at version: Int) -> IncomingVector? {
    vectors[version].flatMap { $0.canBegin ? $0 : nil }
  }

  /// Asks every shard for its blocks at `version`; keeps the version beside it, too, and lets go of others.
  package func fetch(version: Int) {
    guard let map, vectors[version] == nil else { return }
    for other in vectors.keys where abs(other - version) > 1 { vectors.removeValue(forKey: other)?.abandon() }
    vectors[version] = IncomingVector(map: map, buffer: pool.take(byteCount: map.elements * 4))
    for shard in 0..<map.shards { ask(shard, for: version) }
    scheduleRetry()
  }

  /// What belongs to committed steps is of no use, and may not be had any more. Of a round that others have done meanwhile
  /// the rest never comes.
  package func forget(before version: Int) {
    contributions.removeAll { $0.version < version }
    for old in vectors.keys where old < version { vectors.removeValue(forKey: old)?.abandon() }
  }

  private func ask(_ shard: Int, for version: Int) {
    guard let map, let worker = workers[shard], let left = vectors[version]?.blocksLeft else { return }
    let blocks = left.filter { map.shard(of: $0) == shard }.sorted()
    guard !blocks.isEmpty else { return }
    let fetch = FetchParameters(version: version, blocks: blocks, readsMemory: readsMemory(of: worker))
    edge.send(Envelope(.fetchParameters, stamp: stamp(), body: fetch.encodedBody), to: worker)
  }

  /// Whether blocks go between this worker and the shard by address.
  private func readsMemory(of shard: WorkerID) -> Bool {
    edge.neighbor(shard) != nil && !unreadable.contains(shard)
  }

  // MARK: Contributions

  /// Sends the blocks of a contribution that lie from `element` on, and were not sent before, to the shards that own
  /// them. Nobody writes to them any more.
  /// - Parameter buffer: float32, as many elements as the map; the same at every call for a version and node.
  package func contribute(version: Int, node: TreeNode, _ buffer: AlignedBuffer, from element: Int = 0) {
    guard let map else { return }
    let index =
      contributions.firstIndex { $0.version == version && $0.node == node && $0.buffer === buffer }
      ?? begin(
        Contribution(
          version: version, node: node, buffer: buffer, firstSent: map.blockCount,
          blocksLeft: Set(0..<map.blockCount)))
    while contributions[index].firstSent > 0, map.range(of: contributions[index].firstSent - 1).lowerBound >= element {
      contributions[index].firstSent -= 1
      send(contributions[index].firstSent, of: contributions[index])
    }
  }

  private func begin(_ contribution: Contribution) -> Int {
    contributions.removeAll { $0.version == contribution.version && $0.node == contribution.node }
    contributions.append(contribution)
    scheduleRetry()
    return contributions.count - 1
  }

  private func send(_ block: Int, of contribution: Contribution) {
    guard let map, let worker = workers[map.shard(of: block)] else { return }
    let range = map.range(of: block)
    let (buffer, offset) =
      isRounded ? (rounded(range, of: contribution.buffer), 0) : (contribution.buffer, range.lowerBound * 4)
    let count = range.count * (isRounded ? 2 : 4)
    let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<offset + count])
    let tensor = TensorDescriptor(
      elementType: isRounded ? .bfloat16 : .float32, layout: .flat, dimensions: [range.count], compression: .none,
      storedByteCount: count, checksum: edge.isInProcess(worker) ? 0 : TensorCodec.checksum(bytes, seed: 0))
    var header = BlockHeader(version: contribution.version, block: block, node: contribution.node, tensor: tensor)
    // Kept where it is until the shard has it; what is rounded is made for the message.
    if !isRounded, readsMemory(of: worker) { header.address = UInt64(UInt(bitPattern: bytes.baseAddress)) }
    edge.send(
      Envelope(.contribution, stamp: stamp(), body: header.encodedBody),
      header.address == nil ? [MessagePart(buffer, from: offset, count: count)] : [], to: worker)
  }

  private func rounded(_ range: Range<Int>, of buffer: AlignedBuffer) -> AlignedBuffer {
    let rounded = pool.take(byteCount: range.count * 2)
    BFloat16.round(
      UnsafeBufferPointer(rebasing: buffer.elements(Float.self)[range]), to: rounded.elements(UInt16.self).baseAddress!)
    return rounded
  }

  // MARK: Again

  private func askAgain() { for shard in 0..<(map?.shards ?? 0) { askAgain(shard) } }

  private func askAgain(_ shard: Int) {
    for version in vectors.keys.sorted() { ask(shard, for: version) }
    for contribution in contributions {
      for block in contribution.blocksLeft.sorted() where block >= contribution.firstSent {
        if map?.shard(of: block) == shard { send(block, of: contribution) }
      }
    }
  }

  /// From now on blocks go to and from the shard as parts.
  private func cannotRead(_ worker: WorkerID) {
    guard unreadable.insert(worker).inserted else { return }
    for (shard, other) in workers where other == worker { askAgain(shard) }
  }

  private func scheduleRetry() {
    guard !isRetrying else { return }
    isRetrying = true
    _ = thread.schedule(after: Self.retryInterval) { [weak self] in
      guard let self else { return }
      isRetrying = false
      guard !contributions.isEmpty || vectors.values.contains(where: { !$0.isWhole }) else { return }
      askAgain()
      scheduleRetry()
    }
  }

  private func receive(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>, from shard: WorkerID) {
    guard envelope.stamp == stamp() else { return }
    switch envelope.messageKind {
    case .parameters: takeParameters(envelope, payload, from: shard)
    case .contributionTaken:
      guard let taken = try? BlockTaken(body: envelope.body) else { return malformedDropped += 1 }
      if taken.isUnreadable { cannotRead(shard) } else { acknowledge(taken) }
    default: malformedDropped += 1
    }
  }

  private func takeParameters(_ envelope: Envelope, _ payload: ArraySlice<MessagePart>, from shard: WorkerID) {
    guard let map, let header = try? ParametersHeader(body: envelope.body),
      header.blocks.allSatisfy({ (0..<map.blockCount).contains($0) && map.shard(of: $0) == header.shard }),
      header.tensors.count == header.blocks.count,
      header.addresses.isEmpty ? payload.count == header.blocks.count : header.addresses.count == header.blocks.count
    else { return malformedDropped += 1 }
    guard let vector = vectors[header.version] else { return }
    for (index, block) in header.blocks.enumerated() where vector.blocksLeft.contains(block) {
      let range = map.range(of: block)
      let target = UnsafeMutableRawBufferPointer(
        rebasing: vector.buffer.bytes[(range.lowerBound * 4)..<(range.upperBound * 4)])
      let received: ReceivedBlock =
        header.addresses.isEmpty
        ? .part(payload[payload.startIndex + index], isTrusted: edge.isInProcess(shard))
        : .memory(process: edge.neighbor(shard) ?? 0, address: header.addresses[index])
      switch received.copy(header.tensors[index], isRounded: isRounded, into: target, pool: &pool) {
      case .whole: break
      case .damaged: return malformedDropped += 1
      case .unreadable: return cannotRead(shard)
      }
      vector.arrived(block)
      if block == 0 || vector.isWhole { onParameters(header.version) }
    }
  }

  private func acknowledge(_ taken: BlockTaken) {
    guard
      let index = contributions.firstIndex(where: { $0.version == taken.version && $0.node == taken.node })
    else { return }
    contributions[index].blocksLeft.remove(taken.block)
    guard contributions[index].blocksLeft.isEmpty else { return }
    contributions.remove(at: index)
    onTaken(taken.node, taken.version)
  }
}
