import Pipeline
import Topology
import Wire
import ZeroMQ

/// A worker process: what it knows dies with it.
final class SimulatedWorker {
  enum LeaseState { case waiting, busy }

  let id: WorkerID
  let stage: Stage
  var isAlive = true
  var isSick = false
  var incarnation: UInt64 = 0
  /// Messages of the coordinator arrive in order, none before this.
  var lastControl = 0.0
  /// Work is done one after the other.
  var busyUntil = 0.0
  /// Batch workers: the real store.
  var store = BatchStore()
  /// Evaluate workers: leased groups, with the batch worker to ask.
  var leases: [GroupKey: (batch: WorkerID, state: LeaseState)] = [:]
  /// Train workers.
  let trainer: SimulatedTrainer
  /// Raised by a new incarnation: what was under way then counts for nothing.
  var generation = 0

  init(id: WorkerID, stage: Stage, tree: ReplicaTree) {
    self.id = id
    self.stage = stage
    trainer = SimulatedTrainer(tree: tree)
  }

  func forgetLeases() {
    leases = [:]
    trainer.forgetShares()
    generation += 1
  }
}

extension ProtocolWorld {
  func spawn(_ stage: Stage) {
    let worker = SimulatedWorker(
      id: "here/\(stage.rawValue)/\(spawned)", stage: stage, tree: ReplicaTree(replicas: settings.replicas))
    spawned += 1
    worker.isSick = settings.sickDecoder && stage == .decode && !workers.values.contains { $0.isSick }
    workers[worker.id] = worker
    guard isCoordinatorUp else { return }
    machine.join(worker.id, stage: stage)
    welcome(worker.id)
    if stage == .batch { nameBatchWorkers() }
  }

  /// The process is gone at once; the coordinator hears of it later, and another takes its place.
  func kill(_ id: WorkerID) {
    guard let worker = workers[id] else { return }
    worker.isAlive = false
    audit.kills += 1
    after(0.05 + random.delay(mean: 0.5)) { world in
      world.workers[id] = nil
      world.machine.leave(id, stage: worker.stage)
      if worker.stage == .batch { world.nameBatchWorkers() }
      world.advance()
      world.after(world.random.delay(mean: 0.5)) { $0.spawn(worker.stage) }
    }
  }

  /// A message of the coordinator: in order, lost only with the worker.
  func control(_ id: WorkerID, _ body: @escaping (ProtocolWorld, SimulatedWorker) -> Void) {
    guard let worker = workers[id] else { return }
    worker.lastControl = max(worker.lastControl, now + transit)
    at(worker.lastControl) { world in
      if worker.isAlive { body(world, worker) }
    }
  }

  /// A word to the coordinator; another incarnation's counts for nothing.
  func report(
    from worker: SimulatedWorker, isLossy: Bool, _ body: @escaping (ProtocolWorld) -> Void
  ) {
    let stamp = worker.incarnation
    let arrival: (ProtocolWorld) -> Void = { world in
      guard world.isCoordinatorUp, world.incarnation == stamp else { return }
      body(world)
      world.advance()
    }
    if isLossy {
      deliver(arrival)
    } else {
      after(transit, arrival)
      if random.chance(settings.duplication) { after(transit * 10, arrival) }
    }
  }

  /// Runs `body` when the worker, which does one thing after the other, has done this one.
  func work(_ worker: SimulatedWorker, mean: Double, _ body: @escaping (ProtocolWorld) -> Void) {
    let isSlow = random.chance(settings.slowShare)
    let seconds = isSlow ? 3 + random.delay(mean: 20) : random.delay(mean: mean)
    worker.busyUntil = max(worker.busyUntil, now) + seconds
    at(worker.busyUntil) { world in
      if worker.isAlive { body(world) }
    }
  }

  // MARK: Clips

  func decode(_ grant: WorkWindow.Grant) {
    guard let worker = workers[grant.route.decode], worker.isAlive else { return }
    work(worker, mean: 0.03) { world in
      if worker.isSick { return world.fail(grant.key, worker, .transient(reason: "no room on its disk")) }
      if world.plan.isBad(grant.key), !world.plan.failsInAugment(grant.key) {
        return world.fail(grant.key, worker, .verdict(reason: "corrupt"))
      }
      if world.plan.failsOnce(grant.key), world.transientsDone.insert(grant.key).inserted {
        return world.fail(grant.key, worker, .transient(reason: "EIO"))
      }
      world.deliver { $0.augment(grant) }
    }
  }

  private func augment(_ grant: WorkWindow.Grant) {
    guard let worker = workers[grant.route.augment], worker.isAlive else { return }
    work(worker, mean: 0.01) { world in
      if world.plan.isBad(grant.key) { return world.fail(grant.key, worker, .verdict(reason: "window not whole")) }
      world.deliver { $0.collate(grant) }
    }
  }

  private func fail(_ key: ItemKey, _ worker: SimulatedWorker, _ failure: WorkWindow.Failure) {
    report(from: worker, isLossy: true) { world in
      world.perform(world.machine.failed(key, by: worker.id, failure, now: world.now))
    }
  }

  private func collate(_ grant: WorkWindow.Grant) {
    guard let worker = workers[grant.route.batch], worker.isAlive else { return }
    let slots = grant.key.group.kind == .training ? settings.batch : settings.evaluation!.clips
    let header = TestMessages.clipHeader(grant.key, owner: grant.route.owner, bytes: 12)
    switch worker.store.insert(header, TestMessages.clip(grant.key), slots: slots) {
    case .accepted, .duplicate:
      report(from: worker, isLossy: true) { world in
        world.machine.accepted(grant.key, owner: grant.route.owner, now: world.now)
      }
    case .stale: audit.staleClips += 1
    case .misshapen: audit.broken("\(grant.key) was misshapen")
    }
  }

  // MARK: Batches

  /// A lease of a whole batch. One that is there already only learns where the batch is now.
  func lease(_ worker: SimulatedWorker, _ group: GroupKey, _ batch: WorkerID) {
    if let lease = worker.leases[group] {
      if lease.state == .waiting { worker.leases[group] = (batch, .waiting) }
      return
    }
    worker.leases[group] = (batch, .waiting)
    fetch(worker, group, generation: worker.generation)
  }

  /// Asks for the batch again and again.
  private func fetch(_ worker: SimulatedWorker, _ group: GroupKey, generation: Int, interval: Double = 0.1) {
    guard worker.isAlive, worker.generation == generation, let lease = worker.leases[group] else { return }
    if let batch = answer(lease.batch, group, to: worker) {
      worker.leases[group]!.state = .busy
      return consume(worker, batch, group, generation)
    }
    after(interval) { $0.fetch(worker, group, generation: generation, interval: min(2 * interval, 10)) }
  }

  /// A batch worker's answer to who asks it; nil while it is not there, has not the batch, or the answer is lost.
  func answer(_ batchWorker: WorkerID, _ group: GroupKey, to worker: SimulatedWorker) -> BatchStore.Batch? {
    let source = workers[batchWorker]
    guard !random.chance(settings.loss), source?.isAlive == true, source?.incarnation == worker.incarnation else {
      return nil
    }
    return source?.store.whole(group)
  }

  private func consume(_ worker: SimulatedWorker, _ batch: BatchStore.Batch, _ group: GroupKey, _ generation: Int) {
    audit.consumed(
      batch.slots.map { $0!.header.key }, payloads: batch.slots.map { $0!.payload.array }, group: group)
    work(worker, mean: 0.05) { world in
      guard worker.generation == generation else { return }
      worker.leases[group] = nil
      world.report(from: worker, isLossy: false) { world in
        world.perform(world.machine.evaluated(group, scores: [world.plan.score(group)], by: worker.id))
      }
    }
  }
}
