package import Tensors

/// The sum of a sub-tree's contributions, made where the replicas are trained: over the tree's own nodes, so it has the same
/// bits as a sum that the shards make.
package struct SubTreeSum {
  private let tree: ReplicaTree
  private let top: TreeNode
  /// Nodes that are whole, while their sibling is not.
  package private(set) var whole: [TreeNode: AlignedBuffer] = [:]
  /// The leaf under way: its elements from this one on are in.
  private var added: Int?
  /// Leaves that are in.
  private var done: Set<Int> = []

  /// - Parameter top: a node of `tree`.
  package init(tree: ReplicaTree, top: TreeNode) {
    self.tree = tree
    self.top = top
  }

  /// Adds what has become final of a replica's contribution. One replica comes after the other, in any order.
  /// - Parameters:
  ///   - contribution: float32, all of the same size; it is written to once other replicas come.
  ///   - element: those from this one on are final; 0 at last.
  /// - Returns: the sub-tree's sum, final from `element` on; nil until this is its last replica, and once all of it is in.
  package mutating func add(_ replica: Int, _ contribution: AlignedBuffer, from element: Int) -> AlignedBuffer? {
    guard !done.contains(replica) else { return nil }
    let range = element..<max(element, added ?? contribution.byteCount / 4)
    var node = TreeNode.leaf(replica)
    var sum = contribution
    var summed: [TreeNode] = []
    while node != top {
      if tree.contains(node.sibling) {
        guard let other = whole[node.sibling] else { break }
        Self.add(sum, to: other, range)
        summed.append(node.sibling)
        sum = other
      }
      node = node.parent
    }
    added = element
    if element == 0 {
      added = nil
      done.insert(replica)
      for sibling in summed { whole[sibling] = nil }
      if node != top { whole[node] = sum }
    }
    return node == top ? sum : nil
  }

  /// Left and right in either order: a sum of two has the same bits.
  private static func add(_ contribution: AlignedBuffer, to sum: AlignedBuffer, _ range: Range<Int>) {
    let (from, to) = (contribution.elements(Float.self).baseAddress!, sum.elements(Float.self).baseAddress!)
    Float.add(to + range.lowerBound, from + range.lowerBound, range.count)
    withExtendedLifetime((contribution, sum)) {}
  }
}
