import Pipeline
import Tensors
import Testing

/// A sub-tree's sum has the same bits wherever it is made.
@Suite struct SubTreeSumTests {
  private static let elements = 1000

  private func contribution(_ replica: Int) -> AlignedBuffer {
    let buffer = AlignedBuffer(byteCount: Self.elements * 4)
    for index in 0..<Self.elements {
      buffer.elements(Float.self)[index] = Float((index &* 7919 &+ replica &* 104_729) % 1_000_003) / 1009 - 300
    }
    return buffer
  }

  private func bits(_ buffer: AlignedBuffer) -> [UInt32] { Array(buffer.elements(UInt32.self)) }

  /// Made by the shards, from one contribution a replica.
  private func expected(_ tree: ReplicaTree, _ node: TreeNode) -> [UInt32] {
    guard node.level > 0 else { return bits(contribution(node.index)) }
    let left = TreeNode(level: node.level - 1, index: 2 * node.index)
    guard tree.contains(left.sibling) else { return expected(tree, left) }
    return zip(expected(tree, left), expected(tree, left.sibling)).map {
      (Float(bitPattern: $0) + Float(bitPattern: $1)).bitPattern
    }
  }

  /// - Parameter cuts: where each round's contribution becomes final, from behind.
  private func sum(_ tree: ReplicaTree, _ node: TreeNode, order: [Int], cuts: [Int]) -> [UInt32]? {
    var sum = SubTreeSum(tree: tree, top: node)
    for (index, replica) in order.enumerated() {
      let contribution = contribution(replica)
      for element in cuts + [0] {
        let total = sum.add(replica, contribution, from: element)
        let isLast = index == order.count - 1
        #expect((total != nil) == isLast)
        guard isLast, let total else { continue }
        let whole = expected(tree, node)
        #expect(Array(bits(total)[element...]) == Array(whole[element...]), "final from \(element) on")
        if element == 0 { return bits(total) }
      }
    }
    return nil
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13])
  func isTheSumOfTheTree(replicas: Int) {
    let tree = ReplicaTree(replicas: replicas)
    var random = TestRandom(seed: replicas, stream: 0)
    for level in 0...tree.root.level {
      for index in 0...((replicas - 1) >> level) {
        let node = TreeNode(level: level, index: index)
        let order = tree.replicas(of: node).shuffled(using: &random)
        #expect(sum(tree, node, order: order, cuts: [900, 333, 333, 1]) == expected(tree, node))
      }
    }
  }

  /// Backward says that all is final, and so does the end of the round.
  @Test func nothingIsKeptOfWhatIsIn() {
    let tree = ReplicaTree(replicas: 8)
    var sum = SubTreeSum(tree: tree, top: tree.root)
    for replica in 0..<8 {
      let contribution = contribution(replica)
      let total = sum.add(replica, contribution, from: 0)
      #expect(sum.add(replica, contribution, from: 0) == nil)
      #expect(sum.whole.count == (replica + 1).nonzeroBitCount % 8 || replica == 7)
      #expect(total.map(bits) == (replica == 7 ? expected(tree, tree.root) : nil))
    }
    #expect(sum.whole.isEmpty)
  }

  @Test func aContributionThatComesAtOnce() {
    let tree = ReplicaTree(replicas: 4)
    #expect(sum(tree, tree.root, order: [2, 0, 3, 1], cuts: []) == expected(tree, tree.root))
  }
}
