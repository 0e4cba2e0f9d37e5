import Pipeline
import Tensors
import Topology
import ZeroMQ

/// What a train worker knows: the real shares, and symbols instead of gradients.
final class SimulatedTrainer {
  let tree: ReplicaTree
  var shares: TrainingShares
  /// Batches asked for, and whom.
  var wanted: [GroupKey: WorkerID] = [:]
  var isTraining = false
  /// It looks again whether the parameters have come.
  var isLooking = false
  var interval = SimulatedTrainer.shortest

  static let shortest = 0.1
  /// What each replica of a share contributes, by the share's number.
  var payloads: [Int: [Int: String]] = [:]

  init(tree: ReplicaTree) {
    self.tree = tree
    shares = TrainingShares(tree: tree)
  }

  func forgetShares() {
    shares.reset(tree: tree)
    (wanted, payloads) = ([:], [:])
  }

  /// The sum of a sub-tree of a share.
  func sum(of node: TreeNode, share: Int) -> String {
    guard node.level > 0 else { return payloads[share]![node.index]! }
    let left = TreeNode(level: node.level - 1, index: 2 * node.index)
    guard tree.contains(left.sibling) else { return sum(of: left, share: share) }
    return "(\(sum(of: left, share: share))+\(sum(of: left.sibling, share: share)))"
  }
}

extension ProtocolWorld {
  /// Train workers hear which batch workers there are.
  func nameBatchWorkers() {
    let batchWorkers = Set(workers.values.filter { $0.stage == .batch }.map(\.id))
    for id in workers.keys.sorted() where workers[id]!.stage == .train {
      control(id) { world, worker in
        world.cancel(worker, worker.trainer.shares.keepBatchWorkers(batchWorkers))
        world.trainNext(worker)
      }
    }
  }

  func cancel(_ worker: SimulatedWorker, _ groups: [GroupKey]) {
    for group in groups { worker.trainer.wanted[group] = nil }
  }

  func lease(_ worker: SimulatedWorker, _ lease: TrainLease) {
    guard let (dropped, reports) = worker.trainer.shares.add(lease) else {
      return audit.broken("\(lease.share) is not a share of this run")
    }
    cancel(worker, dropped)
    send(reports, from: worker)
    trainNext(worker)
  }

  /// Starts what can be started, and asks for what comes next.
  func trainNext(_ worker: SimulatedWorker) {
    guard worker.isAlive else { return }
    defer { fetchBatches(worker) }
    guard !worker.trainer.isTraining, let step = worker.trainer.shares.earliest else { return }
    guard areShardsUp, shards.allSatisfy({ $0.version == step || $0.version == step + 1 }) else {
      return lookAgain(worker)
    }
    worker.trainer.interval = SimulatedTrainer.shortest
    guard let round = worker.trainer.shares.begin(step: step) else { return }
    worker.trainer.isTraining = true
    let generation = worker.generation
    work(worker, mean: 0.05) { world in
      worker.trainer.isTraining = false
      if worker.generation == generation { world.trained(worker, round) }
      world.trainNext(worker)
    }
  }

  private func lookAgain(_ worker: SimulatedWorker) {
    guard !worker.trainer.isLooking else { return }
    worker.trainer.isLooking = true
    let interval = worker.trainer.interval
    worker.trainer.interval = min(2 * interval, 10)
    after(interval) { world in
      worker.trainer.isLooking = false
      world.trainNext(worker)
    }
  }

  private func fetchBatches(_ worker: SimulatedWorker) {
    for (group, source) in worker.trainer.shares.batchesToFetch() {
      let isNew = worker.trainer.wanted[group] == nil
      worker.trainer.wanted[group] = source
      if isNew { fetchBatch(worker, group, generation: worker.generation) }
    }
  }

  private func fetchBatch(_ worker: SimulatedWorker, _ group: GroupKey, generation: Int, interval: Double = 0.1) {
    guard worker.isAlive, worker.generation == generation, let source = worker.trainer.wanted[group] else { return }
    guard let batch = answer(source, group, to: worker) else {
      return after(interval) { $0.fetchBatch(worker, group, generation: generation, interval: min(2 * interval, 10)) }
    }
    worker.trainer.wanted[group] = nil
    let slots = batch.slots.map { $0! }
    audit.consumed(slots.map(\.header.key), payloads: slots.map(\.payload.array), group: group)
    worker.trainer.shares.received(
      FetchedBatch(group: group, slots: slots.map(\.header), clips: AlignedBuffer(byteCount: 4), dimensions: [1]))
    trainNext(worker)
  }

  private func trained(_ worker: SimulatedWorker, _ round: TrainingShares.Round) {
    let (trainer, group, keys) = (worker.trainer, round.batch.group, round.batch.slots.map(\.key))
    trainer.payloads[round.number, default: [:]][group.index] = SimulatedPlan.payload(
      group, attempts: keys.map(\.attempt))
    if let (node, _) = trainer.shares.add(round, AlignedBuffer(byteCount: 4), from: 0) {
      let share = ReplicaShare(step: group.step, node: node)
      let sum = trainer.sum(of: node, share: round.number)
      contribute(worker, share, sum, worker.generation, missing: Set(shards.indices)) { world in
        world.send(trainer.shares.taken(share), from: worker)
      }
    }
    let report = TrainedReport(
      group: group, consumed: ConsumedDigest(consuming: settings.tamper?(keys) ?? keys), loss: 1, correct: 0, seconds: 0
    )
    send(trainer.shares.finish(round, report), from: worker)
  }

  private func send(_ reports: [TrainedReport]?, from worker: SimulatedWorker) {
    guard let reports else { return }
    audit.largestShare = max(audit.largestShare, reports.count)
    report(from: worker, isLossy: false) { world in
      world.perform(world.machine.trained(reports, by: worker.id))
    }
  }

  /// Keeps the contribution until every shard has said that it has it.
  private func contribute(
    _ worker: SimulatedWorker, _ share: ReplicaShare, _ payload: String, _ generation: Int, missing: Set<Int>,
    done: @escaping (ProtocolWorld) -> Void
  ) {
    let waiting = Box(missing)
    func send(_ world: ProtocolWorld) {
      guard worker.isAlive, worker.generation == generation, !waiting.value.isEmpty else { return }
      let stamp = worker.incarnation
      for shard in waiting.value.sorted() {
        world.deliver { world in
          world.contribute(share, payload, to: shard, stamp: stamp) { world in
            guard worker.isAlive, worker.generation == generation, waiting.value.remove(shard) != nil else { return }
            if waiting.value.isEmpty { done(world) }
          }
        }
      }
      world.after(0.3, send)
    }
    send(self)
  }
}

private final class Box<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }
}
