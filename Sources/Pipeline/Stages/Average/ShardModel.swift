package import Networks
package import Tensors
package import Wire

/// One shard's share of the model, without I/O: parameters, momentum and running statistics of its blocks at a version,
/// and the sums of the open step.
///
/// Each block goes on to the next version by itself, as soon as its sum is whole; the shard is at a version when all are.
package struct ShardModel {
  package enum Taken: Equatable, Sendable {
    case added
    case duplicate
    /// Not the open step, not one of its blocks, or not a node of the tree.
    case refused
  }

  /// A block at a version: float32, and as it is sent.
  package struct Published: Sendable {
    package let buffer: AlignedBuffer
    package let payload: AlignedBuffer
    package let tensor: TensorDescriptor

    /// - Parameters:
    ///   - payload: the block as it is sent, if that is not `buffer`: rounded to bfloat16.
    ///   - checksum: of what is sent, if it is known.
    package init(_ buffer: AlignedBuffer, rounded payload: AlignedBuffer? = nil, checksum: UInt64? = nil) {
      self.buffer = buffer
      self.payload = payload ?? buffer
      let bytes = UnsafeRawBufferPointer(self.payload.bytes)
      tensor = TensorDescriptor(
        elementType: payload == nil ? .float32 : .bfloat16, layout: .flat, dimensions: [buffer.byteCount / 4],
        compression: .none, storedByteCount: bytes.count, checksum: checksum ?? TensorCodec.checksum(bytes, seed: 0))
    }
  }

  private struct Block {
    var version: Int
    var current: Published
    var previous: Published?
    var momentum: AlignedBuffer
    var sum: TreeSum<BlockSum>
  }

  package let blocks: [Int]
  private let map: BlockMap
  private let layout: ParameterLayout
  private let tree: ReplicaTree
  /// All blocks are at it or at the next one.
  package private(set) var version: Int
  /// The version that is committed: the open step is applied only once its start is.
  private var committed: Int
  private var states: [Int: Block]
  /// Blocks that are at the next version.
  private var numAhead = 0
  /// Squared norms of the blocks of a step's gradient, in the order of `blocks`: of the newest step that was whole, also
  /// after it was applied.
  package private(set) var squares: (step: Int, values: [Double])?
  private let isRounded: Bool
  private var pool = BufferPool()

  /// - Parameters:
  ///   - parameters, momentum: float32, one buffer for each of the shard's blocks.
  ///   - isRounded: blocks are sent in bfloat16.
  package init(
    shard: Int, map: BlockMap, layout: ParameterLayout, tree: ReplicaTree, version: Int,
    parameters: [Int: AlignedBuffer], momentum: [Int: AlignedBuffer], isRounded: Bool = false
  ) {
    self.isRounded = isRounded
    blocks = map.blocks(of: shard)
    self.map = map
    self.layout = layout
    self.tree = tree
    self.version = version
    committed = version
    var pool = BufferPool()
    states = Dictionary(
      uniqueKeysWithValues: blocks.map { block in
        (
          block,
          Block(
            version: version, current: Self.published(parameters[block]!, isRounded: isRounded, pool: &pool),
            momentum: momentum[block]!,
            sum: TreeSum(tree: tree))
        )
      })
    self.pool = pool
  }

  /// A new incarnation of the coordinator leases the open step again.
  package mutating func clearSums() {
    if squares?.step == version { squares = nil }
    for block in blocks { states[block]!.sum = TreeSum(tree: tree) }
  }

  package mutating func commit(version: Int) { committed = max(committed, version) }

  /// A block at `version`: its current one or the one before; nil for others.
  package func published(_ block: Int, at version: Int) -> Published? {
    guard let state = states[block] else { return nil }
    return version == state.version ? state.current : version == state.version - 1 ? state.previous : nil
  }

  /// The blocks at `version`: the current one or the one before; nil for others.
  package func parameters(at version: Int) -> [(block: Int, buffer: AlignedBuffer)]? {
    let all = blocks.compactMap { block in published(block, at: version).map { (block, $0.buffer) } }
    return all.count == blocks.count ? all : nil
  }

  /// Parameters and momentum at `version`, while no block has gone on.
  package func snapshot(
    at version: Int
  ) -> (parameters: [(block: Int, buffer: AlignedBuffer)], momentum: [(block: Int, buffer: AlignedBuffer)])? {
    guard version == self.version, numAhead == 0, let parameters = parameters(at: version) else { return nil }
    return (parameters, blocks.map { ($0, states[$0]!.momentum) })
  }

  /// Whether a contribution is of the past or in the sum already: it need not be read, and may not be there any more.
  package func has(step: Int, block: Int, node: TreeNode) -> Bool {
    guard tree.contains(node), let state = states[block] else { return false }
    return step < state.version || (step == state.version && state.sum.isHeld(node))
  }

  /// Takes a contribution to `step`.
  /// - Parameter contribution: as many elements as the block has.
  package mutating func take(step: Int, block: Int, node: TreeNode, _ contribution: BlockValues) -> Taken {
    guard tree.contains(node), let version = states[block]?.version else { return .refused }
    if step < version { return .duplicate }
    guard step == version, contribution.elements.count == map.range(of: block).count else { return .refused }
    // Out of `self`, which is being changed; moved, since a second reference would make its buffers look used.
    var pool = BufferPool()
    swap(&pool, &self.pool)
    defer { swap(&pool, &self.pool) }
    let outcome = states[block]!.sum.insert(node, .values(contribution)) { BlockSum.add($0, $1, pool: &pool) }
    return outcome == .added ? .added : .duplicate
  }

  /// Whether every block can be, or has been, applied.
  package var isComplete: Bool { blocks.allSatisfy { states[$0]!.version > version || canApply($0) } }

  /// Whether the block's sum of the open step is whole, and its start committed.
  package func canApply(_ block: Int) -> Bool {
    guard committed >= version, let state = states[block] else { return false }
    return state.version == version && state.sum.total != nil
  }

  /// Takes the squared norms of the open step, which is complete.
  /// - Returns: whether they are new.
  package mutating func measure() -> Bool {
    guard squares?.step != version else { return false }
    let values = blocks.map { block in
      let sum = states[block]!.sum.total!.made(pool: &pool)
      defer { withExtendedLifetime(sum) {} }
      return SGD.squaredNorm(
        layout: layout, offset: map.range(of: block).lowerBound, sum: sum.elements, scale: 1 / Float(tree.replicas))
    }
    squares = (version, values)
    return true
  }

  /// One momentum step on a block that can be applied; when it was the last one, the next version is the shard's.
  package mutating func apply(_ block: Int, _ options: SGDOptions) {
    precondition(canApply(block), "the caller asks first")
    let state = states[block]!
    let next = update(state, from: map.range(of: block).lowerBound, options)
    states[block] = Block(
      version: version + 1, current: next, previous: state.current, momentum: state.momentum, sum: TreeSum(tree: tree))
    numAhead += 1
    advance()
  }

  /// Goes on to the next version when all blocks have: a shard without any, of a network of few blocks, as soon as the open
  /// step's start is committed.
  package mutating func advance() {
    guard numAhead == blocks.count, committed >= version else { return }
    numAhead = 0
    version += 1
  }

  /// Sum, update and checksum, piece by piece in the nearest cache.
  private mutating func update(_ state: Block, from offset: Int, _ options: SGDOptions) -> Published {
    let current = state.current.buffer
    let next = pool.take(byteCount: current.byteCount)
    let (from, to) = (current.elements(Float.self).baseAddress!, next.elements(Float.self))
    let momentum = state.momentum.elements(Float.self)
    var checksum = XXH3.Stream()
    let scale = 1 / Float(tree.replicas)
    state.sum.total!.forEachPiece { start, sum in
      let piece = UnsafeMutableBufferPointer(rebasing: to[start..<start + sum.count])
      piece.baseAddress!.update(from: from + start, count: sum.count)
      SGD.update(
        layout: layout, offset: offset + start, parameters: piece,
        momentum: UnsafeMutableBufferPointer(rebasing: momentum[start..<start + sum.count]), sum: sum, scale: scale,
        options: options)
      checksum.update(UnsafeRawBufferPointer(piece))
    }
    withExtendedLifetime(current) {}
    return isRounded
      ? Self.published(next, isRounded: true, pool: &pool) : Published(next, checksum: checksum.digest())
  }

  private static func published(_ buffer: AlignedBuffer, isRounded: Bool, pool: inout BufferPool) -> Published {
    guard isRounded else { return Published(buffer) }
    let payload = pool.take(byteCount: buffer.byteCount / 2)
    BFloat16.round(
      UnsafeBufferPointer(buffer.elements(Float.self)), to: payload.elements(UInt16.self).baseAddress!)
    return Published(buffer, rounded: payload)
  }
}
