package import Networks
package import Tensors

/// One shard's share of the model, without I/O: parameters, momentum and running statistics of its blocks at a version,
/// and the sums of the open step.
package struct ShardModel {
  package enum Taken: Equatable, Sendable {
    case added
    case duplicate
    /// Not the open step, not one of its blocks, or not a node of the tree.
    case refused
  }

  package let blocks: [Int]
  private let map: BlockMap
  private let layout: ParameterLayout
  private let tree: ReplicaTree
  package private(set) var version: Int
  /// The version that is committed: the open step is applied only once its start is.
  private var committed: Int
  private var current: [Int: AlignedBuffer]
  private var previous: [Int: AlignedBuffer]?
  private var momentum: [Int: AlignedBuffer]
  /// Squared norms of the blocks of a step's gradient, in the order of `blocks`: of the newest step that was whole, also
  /// after it was applied.
  package private(set) var squares: (step: Int, values: [Double])?
  private var sums: [Int: TreeSum<AlignedBuffer>] = [:]

  /// - Parameters:
  ///   - parameters, momentum: float32, one buffer for each of the shard's blocks.
  package init(
    shard: Int, map: BlockMap, layout: ParameterLayout, tree: ReplicaTree, version: Int,
    parameters: [Int: AlignedBuffer], momentum: [Int: AlignedBuffer]
  ) {
    blocks = map.blocks(of: shard)
    self.map = map
    self.layout = layout
    self.tree = tree
    self.version = version
    committed = version
    current = parameters
    self.momentum = momentum
    clearSums()
  }

  /// A new incarnation of the coordinator leases the open step again.
  package mutating func clearSums() {
    if squares?.step == version { squares = nil }
    sums = Dictionary(uniqueKeysWithValues: blocks.map { ($0, TreeSum<AlignedBuffer>(tree: tree)) })
  }

  package mutating func commit(version: Int) { committed = max(committed, version) }

  /// The blocks at `version`: the current one or the one before; nil for others.
  package func parameters(at version: Int) -> [(block: Int, buffer: AlignedBuffer)]? {
    if version == self.version { return blocks.map { ($0, current[$0]!) } }
    guard version == self.version - 1, let previous else { return nil }
    return blocks.map { ($0, previous[$0]!) }
  }

  package func momentumBuffers() -> [(block: Int, buffer: AlignedBuffer)] {
    blocks.map { ($0, momentum[$0]!) }
  }

  /// Takes a contribution to `step`.
  /// - Parameter contribution: float32, as many as the block has.
  package mutating func take(
    step: Int, block: Int, node: TreeNode, _ contribution: AlignedBuffer
  ) -> Taken {
    guard tree.contains(node), sums[block] != nil else { return .refused }
    if step < version { return .duplicate }
    guard step == version, contribution.byteCount == map.range(of: block).count * 4 else { return .refused }
    return sums[block]!.insert(node, contribution, combine: Self.add) == .added ? .added : .duplicate
  }

  /// Whether the open step can be applied.
  package var isComplete: Bool {
    committed >= version && sums.values.allSatisfy { $0.total != nil }
  }

  /// Takes the squared norms of the open step, which is complete.
  /// - Returns: whether they are new.
  package mutating func measure() -> Bool {
    guard squares?.step != version else { return false }
    let values = blocks.map { block in
      SGD.squaredNorm(
        layout: layout, offset: map.range(of: block).lowerBound,
        sum: UnsafeBufferPointer(sums[block]!.total!.elements(Float.self)), scale: 1 / Float(tree.replicas))
    }
    squares = (version, values)
    return true
  }

  /// One momentum step on every block; then the next version is current.
  package mutating func apply(_ options: SGDOptions) {
    previous = current
    for block in blocks {
      let range = map.range(of: block)
      let next = AlignedBuffer(byteCount: range.count * 4)
      next.bytes.copyMemory(from: UnsafeRawBufferPointer(current[block]!.bytes))
      SGD.update(
        layout: layout, offset: range.lowerBound, parameters: next.elements(Float.self),
        momentum: momentum[block]!.elements(Float.self),
        sum: UnsafeBufferPointer(sums[block]!.total!.elements(Float.self)), scale: 1 / Float(tree.replicas),
        options: options)
      current[block] = next
    }
    version += 1
    clearSums()
  }

  private static func add(_ left: AlignedBuffer, _ right: AlignedBuffer) -> AlignedBuffer {
    let sum = AlignedBuffer(byteCount: left.byteCount)
    let (from, other) = (left.elements(Float.self).baseAddress!, right.elements(Float.self).baseAddress!)
    let to = sum.elements(Float.self).baseAddress!
    for index in 0..<(left.byteCount / 4) { to[index] = from[index] + other[index] }
    return sum
  }
}
