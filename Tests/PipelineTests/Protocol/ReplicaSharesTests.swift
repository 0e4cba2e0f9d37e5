import Pipeline
import Testing

/// Whole sub-trees go to the train worker with the least to do.
@Suite struct ReplicaSharesTests {
  /// What each worker is given when everything is ready from the start and nobody gets done.
  private func given(replicas: Int, workers: Int, sums: Bool = true, isReady: (Int) -> Bool = { _ in true })
    -> [WorkerID: [ClosedRange<Int>]]
  {
    let tree = ReplicaTree(replicas: replicas)
    var shares = ReplicaShares(tree: tree, sumsSubTrees: sums)
    for worker in 0..<workers { shares.join("w\(worker)") }
    var result: [WorkerID: [ClosedRange<Int>]] = [:]
    for replica in 0..<replicas where isReady(replica) {
      let group = GroupKey(kind: .training, step: 3, index: replica)
      guard !shares.isHeld(group) else { continue }
      guard let (share, worker) = shares.give(group, done: 0, isReady: { isReady($0.index) }) else { break }
      let range = tree.replicas(of: share.node)
      result[worker, default: []].append(range.lowerBound...range.upperBound - 1)
    }
    return result
  }

  @Test func aShareIsAFairPartOfWhatIsLeft() {
    #expect(given(replicas: 8, workers: 2) == ["w0": [0...3], "w1": [4...5, 6...6]])
    #expect(given(replicas: 128, workers: 4)["w0"] == [0...7, 32...39])
    #expect(given(replicas: 5, workers: 1) == ["w0": [0...4]])
    #expect(given(replicas: 9, workers: 1) == ["w0": [0...7, 8...8]])
    #expect(given(replicas: 3, workers: 3) == ["w0": [0...0], "w1": [1...1], "w2": [2...2]])
  }

  @Test func onlyWhatIsReadyIsGiven() {
    #expect(given(replicas: 8, workers: 1, isReady: { $0 != 3 }) == ["w0": [0...1, 2...2]])
    #expect(given(replicas: 8, workers: 1, isReady: { $0 != 0 }) == ["w0": [1...1, 2...3]])
  }

  @Test func whatIsRoundedGoesReplicaByReplica() {
    #expect(given(replicas: 8, workers: 2, sums: false) == ["w0": [0...0, 2...2], "w1": [1...1, 3...3]])
  }

  @Test func aShareIsTakenBackAsAWhole() {
    var shares = ReplicaShares(tree: ReplicaTree(replicas: 4), sumsSubTrees: true)
    shares.join("w")
    let groups = (0..<4).map { GroupKey(kind: .training, step: 0, index: $0) }
    #expect(shares.give(groups[0], done: 0, isReady: { _ in true })?.share.node == TreeNode(level: 2, index: 0))
    #expect(shares.release(groups[2]) == groups)
    #expect(groups.allSatisfy { !shares.isHeld($0) })
    _ = shares.give(groups[0], done: 0, isReady: { _ in true })
    #expect(shares.leave("w").sorted() == groups)
    #expect(shares.give(groups[0], done: 0, isReady: { _ in true }) == nil, "nobody is there")
  }

  /// Rounds of a later step do not take the room of this one's.
  @Test func laterStepsWait() {
    var shares = ReplicaShares(tree: ReplicaTree(replicas: 2), sumsSubTrees: false)
    shares.join("w")
    let later = (0..<2).map { GroupKey(kind: .training, step: 1, index: $0) }
    for group in later { #expect(shares.give(group, done: 0, isReady: { _ in true }) != nil) }
    #expect(shares.give(GroupKey(kind: .training, step: 0, index: 0), done: 0, isReady: { _ in true }) != nil)
  }
}
