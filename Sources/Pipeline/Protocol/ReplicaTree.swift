/// A node of the fixed tree over replicas: level l, index i covers replicas `i·2^l ..< min((i+1)·2^l, R)`.
package struct TreeNode: Hashable, Comparable, Sendable, Codable {
  package var level: Int
  package var index: Int

  package init(level: Int, index: Int) {
    self.level = level
    self.index = index
  }

  package static func leaf(_ replica: Int) -> TreeNode { TreeNode(level: 0, index: replica) }

  package var parent: TreeNode { TreeNode(level: level + 1, index: index >> 1) }
  package var sibling: TreeNode { TreeNode(level: level, index: index ^ 1) }
  package var isLeftChild: Bool { index & 1 == 0 }
  /// The first replica it covers.
  package var replica: Int { index << level }

  /// Whether this node covers every replica of `other`.
  package func covers(_ other: TreeNode) -> Bool {
    level >= other.level && other.index >> (level - other.level) == index
  }

  package static func < (left: TreeNode, right: TreeNode) -> Bool {
    (left.level, left.index) < (right.level, right.index)
  }
}

/// The shape of the tree: how many replicas, and which nodes exist.
package struct ReplicaTree: Sendable {
  package let replicas: Int

  /// - Parameter replicas: R, at least 1.
  package init(replicas: Int) { self.replicas = replicas }

  package var root: TreeNode {
    var level = 0
    while 1 << level < replicas { level += 1 }
    return TreeNode(level: level, index: 0)
  }

  package func contains(_ node: TreeNode) -> Bool {
    // Shifts the small number: an index from outside may be anything.
    (0...root.level).contains(node.level) && (0...((replicas - 1) >> node.level)).contains(node.index)
  }

  /// The replicas that a node of the tree covers.
  package func replicas(of node: TreeNode) -> Range<Int> {
    node.replica..<min(node.replica + 1 << node.level, replicas)
  }
}

/// The sum of R contributions over the fixed tree: whatever the order in which nodes arrive, and whichever were summed
/// elsewhere, the additions are the same ones, so the result has the same bits.
package struct TreeSum<Payload> {
  package enum Outcome: Equatable, Sendable { case added, alreadyCovered }

  private let tree: ReplicaTree
  private var held: [TreeNode: Payload] = [:]

  package init(tree: ReplicaTree) { self.tree = tree }

  /// The whole sum, once every replica is in it.
  package var total: Payload? { held[tree.root] }

  package var heldNodes: [TreeNode] { held.keys.sorted() }

  /// Whether the node or one that covers it is there: a look at each of its ancestors, however many nodes are held.
  package func isHeld(_ node: TreeNode) -> Bool {
    let top = tree.root.level
    var ancestor = node
    while held[ancestor] == nil {
      guard ancestor.level < top else { return false }
      ancestor = ancestor.parent
    }
    return true
  }

  /// Takes a contribution. A node already covered is dropped; one that covers held nodes replaces them.
  /// - Parameters:
  ///   - node: must exist in the tree.
  ///   - combine: left + right, in this order.
  package mutating func insert(
    _ node: TreeNode, _ payload: Payload, combine: (Payload, Payload) -> Payload
  ) -> Outcome {
    precondition(tree.contains(node), "the caller checks nodes that come from outside")
    if isHeld(node) { return .alreadyCovered }
    if node.level > 0 {
      for covered in held.keys where node.covers(covered) { held[covered] = nil }
    }
    var node = node
    var payload = payload
    while node != tree.root {
      let sibling = node.sibling
      if tree.contains(sibling) {
        guard let other = held.removeValue(forKey: sibling) else { break }
        payload = node.isLeftChild ? combine(payload, other) : combine(other, payload)
      }
      node = node.parent
    }
    held[node] = payload
    return .added
  }
}
