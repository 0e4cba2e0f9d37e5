import HeapModule
import Topology

/// Who gets collated groups.
extension RunMachine {
  private static let leasesPerEvaluator = 2

  /// The replicas and videos that are out, to be said again: a broken connection may have lost the first word.
  package var reminders: [Action] {
    let rounds = replicaShares.all.compactMap { train($0.share, $0.worker) }
    return rounds
      + assigned.keys.sorted().compactMap { group in
        guard let batch = window.batchWorker(of: group), let worker = assigned[group] else { return nil }
        return .evaluate(group, worker: worker, batch: batch)
      }
  }

  /// nil when somebody else has trained one of the replicas meanwhile.
  private func train(_ share: ReplicaShare, _ worker: WorkerID) -> Action? {
    let groups = share.groups(of: ReplicaTree(replicas: settings.replicas))
    let batches = groups.compactMap { window.batchWorker(of: $0) }
    return batches.count == groups.count ? .train(share, worker: worker, batches: batches) : nil
  }

  mutating func assign() -> [Action] {
    var actions: [Action] = []
    while let (group, _) = nextWaiting(.training), group.step <= committed + 1, group.step < stopAt,
      let (share, worker) = giveShare(of: group), let action = train(share, worker)
    {
      actions.append(action)
    }
    while let (group, batch) = nextWaiting(.evaluation), pinned.contains(group.step),
      let worker = leastLoadedEvaluator()
    {
      _ = waiting[.evaluation]!.popMin()
      evaluators[worker]! += 1
      given[worker, default: 0] += 1
      assigned[group] = worker
      actions.append(.evaluate(group, worker: worker, batch: batch))
    }
    return actions
  }

  private mutating func giveShare(of group: GroupKey) -> (ReplicaShare, WorkerID)? {
    let window = window
    guard
      let given = replicaShares.give(
        group, done: trainedCounts[group.step] ?? 0, isReady: { window.isCollated($0) })
    else { return nil }
    return (given.share, given.worker)
  }

  /// The first collated group that no worker has, and who holds it.
  private mutating func nextWaiting(_ kind: ItemKind) -> (group: GroupKey, batch: WorkerID)? {
    while let group = waiting[kind]!.min {
      if !isGiven(group), window.isCollated(group), let batch = window.batchWorker(of: group) { return (group, batch) }
      _ = waiting[kind]!.popMin()
    }
    return nil
  }

  private func isGiven(_ group: GroupKey) -> Bool {
    group.kind == .training ? replicaShares.isHeld(group) : assigned[group] != nil
  }

  /// Of equally loaded ones the worker that was given the least so far.
  private func leastLoadedEvaluator() -> WorkerID? {
    func rank(_ worker: (key: WorkerID, value: Int)) -> (Int, Int, WorkerID) {
      (worker.value, given[worker.key] ?? 0, worker.key)
    }
    return evaluators.filter { $0.value < Self.leasesPerEvaluator }.min { rank($0) < rank($1) }?.key
  }
}
