import Pipeline
import Testing

@Suite struct ReplicaTreeTests {
  /// The sum as the design defines it: left + right, a missing right child passes the left one through.
  private func expression(_ node: TreeNode, replicas: Int) -> String {
    if node.level == 0 { return "\(node.index)" }
    let left = TreeNode(level: node.level - 1, index: 2 * node.index)
    let right = TreeNode(level: node.level - 1, index: 2 * node.index + 1)
    let first = expression(left, replicas: replicas)
    guard right.index << right.level < replicas else { return first }
    return "(\(first)+\(expression(right, replicas: replicas)))"
  }

  private func value(_ node: TreeNode, replicas: Int, leaves: [Float]) -> Float {
    if node.level == 0 { return leaves[node.index] }
    let left = TreeNode(level: node.level - 1, index: 2 * node.index)
    let right = TreeNode(level: node.level - 1, index: 2 * node.index + 1)
    let first = value(left, replicas: replicas, leaves: leaves)
    guard right.index << right.level < replicas else { return first }
    return first + value(right, replicas: replicas, leaves: leaves)
  }

  private func nodes(_ tree: ReplicaTree) -> [TreeNode] {
    (0...tree.root.level).flatMap { level in
      (0...((tree.replicas - 1) >> level)).map { TreeNode(level: level, index: $0) }
    }
  }

  private func replicas(_ node: TreeNode, of tree: ReplicaTree) -> Range<Int> {
    node.index << node.level..<min((node.index + 1) << node.level, tree.replicas)
  }

  /// Contributions in any order: every leaf, some sub-trees summed elsewhere, some of either twice.
  private func contributions(_ tree: ReplicaTree, _ random: inout TestRandom) -> [TreeNode] {
    var all = (0..<tree.replicas).map(TreeNode.leaf)
    for node in nodes(tree) where Int.random(in: 0..<4, using: &random) == 0 { all.append(node) }
    for node in all where Int.random(in: 0..<5, using: &random) == 0 { all.append(node) }
    return all.shuffled(using: &random)
  }

  @Test(arguments: 1...40)
  func anyOrderIsTheSameExpression(replicas: Int) {
    let tree = ReplicaTree(replicas: replicas)
    let expected = expression(tree.root, replicas: replicas)
    for seed in 0..<40 {
      var random = TestRandom(seed: seed, stream: replicas)
      var sum = TreeSum<String>(tree: tree)
      var covered = Set<Int>()
      for node in contributions(tree, &random) {
        let isNew = !covered.isSuperset(of: self.replicas(node, of: tree))
        let payload = expression(node, replicas: replicas)
        let outcome = sum.insert(node, payload) { "(\($0)+\($1))" }
        #expect(outcome == (isNew ? .added : .alreadyCovered), "R \(replicas) seed \(seed) node \(node)")
        covered.formUnion(self.replicas(node, of: tree))
        expectDisjoint(sum.heldNodes, covering: covered, of: tree)
        #expect((sum.total != nil) == (covered.count == replicas))
      }
      #expect(sum.total == expected, "R \(replicas) seed \(seed)")
    }
  }

  private func expectDisjoint(_ held: [TreeNode], covering covered: Set<Int>, of tree: ReplicaTree) {
    var count = 0
    var union = Set<Int>()
    for node in held {
      count += replicas(node, of: tree).count
      union.formUnion(replicas(node, of: tree))
    }
    #expect(count == union.count && union == covered, "held nodes overlap or miss what was given: \(held)")
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 40])
  func anyOrderIsTheSameBits(replicas: Int) {
    let tree = ReplicaTree(replicas: replicas)
    for seed in 0..<40 {
      var random = TestRandom(seed: seed, stream: 1000 + replicas)
      // Magnitudes far apart, so that another order of additions would round otherwise.
      let leaves = (0..<replicas).map { _ in
        Float.random(in: -1...1, using: &random) * Float(1 << Int.random(in: 0...24, using: &random))
      }
      let expected = value(tree.root, replicas: replicas, leaves: leaves)
      var sum = TreeSum<Float>(tree: tree)
      for node in contributions(tree, &random) {
        _ = sum.insert(node, value(node, replicas: replicas, leaves: leaves), combine: +)
      }
      #expect(sum.total?.bitPattern == expected.bitPattern, "R \(replicas) seed \(seed)")
    }
  }

  @Test func anotherOrderOfAdditionsWouldBeSeen() {
    var differs = false
    for seed in 0..<40 {
      var random = TestRandom(seed: seed, stream: 7)
      let leaves = (0..<8).map { _ in
        Float.random(in: -1...1, using: &random) * Float(1 << Int.random(in: 0...24, using: &random))
      }
      let tree = ReplicaTree(replicas: 8)
      if value(tree.root, replicas: 8, leaves: leaves) != leaves.reduce(0, +) { differs = true }
    }
    #expect(differs, "the leaves are too tame to tell orders apart")
  }

  @Test(arguments: 1...40)
  func onlyTheTreesNodesAreContained(replicas: Int) {
    let tree = ReplicaTree(replicas: replicas)
    let all = Set(nodes(tree))
    for level in -2...8 {
      for index in -2...(replicas + 2) {
        let node = TreeNode(level: level, index: index)
        #expect(tree.contains(node) == all.contains(node), "R \(replicas): \(node)")
      }
    }
    #expect(replicas <= 1 << tree.root.level && (replicas == 1 || replicas > 1 << (tree.root.level - 1)))
  }

  /// A shift that loses the high bits must not bring a node from outside back into the tree: its sum would never end.
  @Test(arguments: [Int.min, -1, Int.max, 1 << 62, 1 << 61, 1 << 40, 64])
  func hugeNumbersAreOutside(number: Int) {
    for replicas in [1, 2, 3, 4, 5, 8, 40] {
      let tree = ReplicaTree(replicas: replicas)
      for small in 0...6 {
        #expect(!tree.contains(TreeNode(level: small, index: number)), "R \(replicas) level \(small) index \(number)")
        #expect(!tree.contains(TreeNode(level: number, index: small)), "R \(replicas) level \(number) index \(small)")
      }
    }
  }

  @Test func aCoveringNodeReplacesWhatIsHeld() {
    var sum = TreeSum<String>(tree: ReplicaTree(replicas: 5))
    let join = { (left: String, right: String) in "(\(left)+\(right))" }
    #expect(sum.insert(.leaf(1), "1", combine: join) == .added)
    #expect(sum.insert(.leaf(2), "2", combine: join) == .added)
    #expect(sum.heldNodes == [.leaf(1), .leaf(2)])
    #expect(sum.insert(TreeNode(level: 2, index: 0), "((0+1)+(2+3))", combine: join) == .added)
    #expect(sum.heldNodes == [TreeNode(level: 2, index: 0)])
    #expect(sum.insert(.leaf(2), "other", combine: join) == .alreadyCovered)
    #expect(sum.insert(.leaf(4), "4", combine: join) == .added)
    #expect(sum.total == "(((0+1)+(2+3))+4)")
    #expect(sum.insert(.leaf(4), "other", combine: join) == .alreadyCovered)
  }
}
