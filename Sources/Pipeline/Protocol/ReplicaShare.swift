/// Replicas of one step that one train worker does: a sub-tree, so that it sends one sum for all of them.
package struct ReplicaShare: Hashable, Comparable, Sendable {
  package var step: Int
  package var node: TreeNode

  package init(step: Int, node: TreeNode) {
    self.step = step
    self.node = node
  }

  /// The replicas' groups, in order.
  package func groups(of tree: ReplicaTree) -> [GroupKey] {
    tree.replicas(of: node).map { GroupKey(kind: .training, step: step, index: $0) }
  }

  /// Whether the two have a replica in common.
  package func overlaps(_ other: ReplicaShare) -> Bool {
    step == other.step && (node.covers(other.node) || other.node.covers(node))
  }

  package static func < (left: ReplicaShare, right: ReplicaShare) -> Bool {
    (left.step, left.node.replica) < (right.step, right.node.replica)
  }
}

/// Who trains what: gives whole sub-trees of replicas to the train worker with the least to do. A share is had, reported and
/// taken back as a whole.
package struct ReplicaShares: Sendable {
  private let tree: ReplicaTree
  /// At most so many levels of the tree in one share: what its loss costs is bounded.
  private let levelLimit: Int
  private var workers: Set<WorkerID> = []
  private var holders: [ReplicaShare: WorkerID] = [:]
  /// Each replica's share, while somebody has it.
  private var shares: [GroupKey: ReplicaShare] = [:]
  /// Replicas given to each worker so far.
  private var given: [WorkerID: Int] = [:]

  /// One that it trains, and one that it fetches meanwhile.
  private static let sharesPerWorker = 2
  private static let levelLimit = 3

  /// - Parameter sumsSubTrees: false where every replica's contribution must go to the shards by itself.
  package init(tree: ReplicaTree, sumsSubTrees: Bool) {
    self.tree = tree
    levelLimit = sumsSubTrees ? Self.levelLimit : 0
  }

  package mutating func join(_ worker: WorkerID) { workers.insert(worker) }

  /// - Returns: the groups it had.
  package mutating func leave(_ worker: WorkerID) -> [GroupKey] {
    workers.remove(worker)
    return holders.filter { $0.value == worker }.keys.flatMap { takeBack($0) }
  }

  /// Nobody has anything any more.
  package mutating func clear() {
    holders = [:]
    shares = [:]
  }

  /// The shares that are out, and who has each.
  package var all: [(share: ReplicaShare, worker: WorkerID)] {
    holders.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  package func isHeld(_ group: GroupKey) -> Bool { shares[group] != nil }

  /// Takes back the share that the group belongs to.
  /// - Returns: all its groups.
  package mutating func release(_ group: GroupKey) -> [GroupKey] { shares[group].map { takeBack($0) } ?? [] }

  private mutating func takeBack(_ share: ReplicaShare) -> [GroupKey] {
    holders[share] = nil
    let groups = share.groups(of: tree)
    for group in groups { shares[group] = nil }
    return groups
  }

  /// Gives the group, and those beside it that can be had, to the worker with the least to do: as many as are its fair part
  /// of what is left of the step. What is left gets less, so the last shares are small ones.
  /// - Parameters:
  ///   - done: replicas of the step that have been trained.
  ///   - isReady: whether a group can be trained.
  /// - Returns: nil while that worker has enough.
  package mutating func give(
    _ group: GroupKey, done: Int, isReady: (GroupKey) -> Bool
  ) -> (share: ReplicaShare, worker: WorkerID)? {
    guard let worker = leastLoaded(at: group.step) else { return nil }
    let held = holders.keys.reduce(0) { $0 + ($1.step == group.step ? tree.replicas(of: $1.node).count : 0) }
    let fairPart = max(1, (tree.replicas - done - held + workers.count - 1) / workers.count)
    var share = ReplicaShare(step: group.step, node: .leaf(group.index))
    var groups = [group]
    while share.node.level < min(levelLimit, tree.root.level) {
      let wider = ReplicaShare(step: group.step, node: share.node.parent)
      let widerGroups = wider.groups(of: tree)
      guard widerGroups.count <= fairPart, widerGroups.allSatisfy({ shares[$0] == nil && isReady($0) }) else { break }
      (share, groups) = (wider, widerGroups)
    }
    holders[share] = worker
    for group in groups { shares[group] = share }
    given[worker, default: 0] += groups.count
    return (share, worker)
  }

  /// Of equally loaded ones the worker that was given the least so far: fast rounds would all go to one. Rounds of later
  /// steps wait for this one's parameters: they must not take the room its own need.
  private func leastLoaded(at step: Int) -> WorkerID? {
    var loads = Dictionary(uniqueKeysWithValues: workers.map { ($0, (shares: 0, replicas: 0)) })
    for (share, worker) in holders where share.step <= step {
      loads[worker]?.shares += 1
      loads[worker]?.replicas += tree.replicas(of: share.node).count
    }
    func rank(_ worker: WorkerID) -> (Int, Int, WorkerID) { (loads[worker]!.replicas, given[worker] ?? 0, worker) }
    guard let worker = workers.min(by: { rank($0) < rank($1) }) else { return nil }
    return loads[worker]!.shares < Self.sharesPerWorker ? worker : nil
  }
}
