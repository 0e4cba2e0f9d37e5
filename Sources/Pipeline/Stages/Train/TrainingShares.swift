package import Tensors

/// What a train worker was given: shares of steps, each with the batches that have come, the sum so far, and the reports that
/// wait for the shards' word.
package struct TrainingShares {
  private struct Share {
    var lease: TrainLease
    let groups: [GroupKey]
    /// Groups that were not begun, in order.
    var pending: [GroupKey]
    /// Groups whose batch was asked for.
    var asked: Set<GroupKey> = []
    var batches: [GroupKey: FetchedBatch] = [:]
    var sum: SubTreeSum
    var reports: [GroupKey: TrainedReport] = [:]
    /// Every shard has the sum.
    var isTaken = false

    init(_ lease: TrainLease, tree: ReplicaTree) {
      self.lease = lease
      groups = lease.share.groups(of: tree)
      pending = groups
      sum = SubTreeSum(tree: tree, top: lease.share.node)
    }

    /// The reports, once all is trained and taken. They are kept till the commit: the word may get lost.
    var finished: [TrainedReport]? {
      isTaken && reports.count == groups.count ? groups.map { reports[$0]! } : nil
    }

    func batchWorker(of group: GroupKey) -> WorkerID { lease.batches[group.index - groups[0].index] }
  }

  /// A batch to be trained, and the number of its share: one that is given again has another.
  package struct Round: Sendable {
    package let number: Int
    package let batch: FetchedBatch
  }

  private var tree: ReplicaTree
  private var shares: [Int: Share] = [:]
  private var nextNumber = 0

  /// One that is trained, and one that is fetched meanwhile.
  private static let batchLimit = 2

  package init(tree: ReplicaTree) { self.tree = tree }

  /// A new run or incarnation. What is under way then finds no share any more.
  package mutating func reset(tree: ReplicaTree) {
    self.tree = tree
    shares = [:]
  }

  /// The step to be trained first.
  package var earliest: Int? { shares.values.lazy.filter { !$0.pending.isEmpty }.map(\.lease.share.step).min() }

  /// Takes a lease, and lets go of others that it overlaps with: the coordinator has taken their replicas back. Said again, it
  /// tells who holds the batches now.
  /// - Returns: the groups whose batches are not wanted any more, and the reports, if all was done before; nil when the lease
  ///   is not one of this run.
  package mutating func add(_ lease: TrainLease) -> (dropped: [GroupKey], reports: [TrainedReport]?)? {
    guard tree.contains(lease.share.node), lease.batches.count == tree.replicas(of: lease.share.node).count else {
      return nil
    }
    if let number = number(of: lease.share) {
      // Asked again where they are still awaited.
      shares[number]!.asked = Set(shares[number]!.batches.keys)
      shares[number]!.lease = lease
      return ([], shares[number]!.finished)
    }
    let dropped = drop { $0.lease.share.overlaps(lease.share) }
    shares[nextNumber] = Share(lease, tree: tree)
    nextNumber += 1
    return (dropped, nil)
  }

  /// What belongs to committed steps can go.
  package mutating func commit(version: Int) -> [GroupKey] { drop { $0.lease.share.step < version } }

  /// Shares whose batches are gone with their worker are given out again, to whomever.
  package mutating func keepBatchWorkers(_ workers: Set<WorkerID>) -> [GroupKey] {
    drop { share in
      share.pending.contains { share.batches[$0] == nil && !workers.contains(share.batchWorker(of: $0)) }
    }
  }

  /// - Returns: the groups whose batches were awaited.
  private mutating func drop(where isGone: (Share) -> Bool) -> [GroupKey] {
    let gone = shares.filter { isGone($0.value) }
    for number in gone.keys { shares[number] = nil }
    return gone.values.flatMap(\.pending)
  }

  private func number(of share: ReplicaShare) -> Int? { shares.first { $0.value.lease.share == share }?.key }

  // MARK: Batches

  /// The next batches to ask for, from whom.
  package mutating func batchesToFetch() -> [(group: GroupKey, worker: WorkerID)] {
    var next: [(number: Int, group: GroupKey)] = []
    for (number, share) in shares { next += share.pending.prefix(Self.batchLimit).map { (number, $0) } }
    next.sort { $0.group < $1.group }
    return next.prefix(Self.batchLimit).compactMap { number, group in
      guard shares[number]!.asked.insert(group).inserted else { return nil }
      return (group, shares[number]!.batchWorker(of: group))
    }
  }

  package mutating func received(_ batch: FetchedBatch) {
    guard let number = shares.first(where: { $0.value.pending.contains(batch.group) })?.key else { return }
    shares[number]!.batches[batch.group] = batch
  }

  // MARK: Rounds

  /// The first round of `step` whose batch is here; it counts as begun.
  package mutating func begin(step: Int) -> Round? {
    let ready = shares.compactMap { number, share in
      share.pending.first { $0.step == step && share.batches[$0] != nil }.map { (number: number, group: $0) }
    }
    guard let (number, group) = ready.min(by: { $0.group < $1.group }) else { return nil }
    shares[number]!.pending.removeAll { $0 == group }
    return shares[number]!.batches.removeValue(forKey: group).map { Round(number: number, batch: $0) }
  }

  /// Adds what has become final of a round's contribution to its share's sum.
  /// - Returns: where the sum belongs and what it is, final from `element` on; nil until it is the share's last round.
  package mutating func add(
    _ round: Round, _ contribution: AlignedBuffer, from element: Int
  ) -> (node: TreeNode, sum: AlignedBuffer)? {
    guard let share = shares[round.number]?.lease.share else { return nil }
    return shares[round.number]!.sum.add(round.batch.group.index, contribution, from: element).map { (share.node, $0) }
  }

  /// - Returns: the reports on the share's replicas, if that was all.
  package mutating func finish(_ round: Round, _ report: TrainedReport) -> [TrainedReport]? {
    shares[round.number]?.reports[report.group] = report
    return shares[round.number]?.finished
  }

  /// Every shard has the sum of a share.
  /// - Returns: the reports on its replicas, if that was all.
  package mutating func taken(_ share: ReplicaShare) -> [TrainedReport]? {
    guard let number = number(of: share) else { return nil }
    shares[number]!.isTaken = true
    return shares[number]!.finished
  }
}
