import Pipeline
import Tensors
import Topology

/// A simulated run: workers of every kind, the ways between them, average shards, checkpoints and a ledger around the
/// real `RunMachine` and `BatchStore`, on a simulated clock. Everything random comes from the seed.
final class ProtocolWorld {
  struct Settings {
    var seed = 0
    var replicas = 2
    var batch = 2
    var inFlightRounds = 1
    var steps = 6
    var shards = 1
    var workers: [Stage: Int] = [.decode: 1, .augment: 1, .batch: 1, .train: 1, .evaluate: 1]
    var evaluation: (videos: Int, clips: Int)?
    var evaluateEvery = 3
    var checkpointEvery = 2
    /// Of leases, windows, clips, words of acceptance and of failure, batches, contributions.
    var loss = 0.0
    var duplication = 0.0
    /// Clips that take far longer than their lease.
    var slowShare = 0.0
    /// Draws that cannot be decoded, ever.
    var badShare = 0.0
    /// Clips that fail once for a reason of the worker's.
    var transientShare = 0.0
    /// A decode worker on which everything fails for a reason of its own.
    var sickDecoder = false
    var kills = 0
    /// Versions after whose commit a shard is lost, the coordinator restarts.
    var shardLosses: [Int] = []
    var restarts: [Int] = []
    var stopEarlyAfter: Int?
    /// Whether shards wait for the norm of every gradient.
    var clips = false
    /// What a faulty trainer does to the keys it says it consumed.
    var tamper: (([ItemKey]) -> [ItemKey])?
  }

  private static let eventLimit = 100_000

  var settings: Settings
  let plan: SimulatedPlan
  var random: TestRandom
  let audit: ProtocolAudit
  private(set) var now = 0.0
  private(set) var eventCount = 0
  private var queue: [(time: Double, serial: Int, body: (ProtocolWorld) -> Void)] = []
  private var serial = 0

  // The coordinator and what it knows.
  var machine: RunMachine
  var incarnation: UInt64 = 1
  var isCoordinatorUp = false
  var ledger = SimulatedLedger()
  var failure: PipelineError?

  var workers: [WorkerID: SimulatedWorker] = [:]
  var spawned = 0
  var shards: [SimulatedShard] = []
  var norms: GradientNorms
  var areShardsUp = true
  var transientsDone: Set<ItemKey> = []
  var killsLeft: Int

  init(_ settings: Settings) {
    self.settings = settings
    plan = SimulatedPlan(settings)
    random = TestRandom(seed: settings.seed, stream: 99)
    audit = ProtocolAudit(plan: plan)
    machine = Self.machine(settings)
    norms = Self.norms(settings)
    killsLeft = settings.kills
    shards = (0..<settings.shards).map { _ in SimulatedShard(version: 0, replicas: settings.replicas) }
  }

  static func machine(_ settings: Settings) -> RunMachine {
    var run = RunMachine.Settings(
      replicas: settings.replicas, batch: settings.batch, inFlightRounds: settings.inFlightRounds,
      shards: settings.shards, finalVersion: settings.steps)
    run.evaluation = settings.evaluation
    run.evaluateEvery = settings.evaluation == nil ? 0 : settings.evaluateEvery
    return RunMachine(settings: run)
  }

  /// A block a shard.
  static func norms(_ settings: Settings) -> GradientNorms {
    GradientNorms(map: BlockMap(elements: settings.shards * BlockMap.blockElements, shards: settings.shards))
  }

  // MARK: The clock

  func after(_ seconds: Double, _ body: @escaping (ProtocolWorld) -> Void) { at(now + seconds, body) }

  func at(_ time: Double, _ body: @escaping (ProtocolWorld) -> Void) {
    serial += 1
    var low = 0
    var high = queue.count
    while low < high {
      let middle = (low + high) / 2
      if (queue[middle].time, queue[middle].serial) > (time, serial) { low = middle + 1 } else { high = middle }
    }
    queue.insert((time, serial, body), at: low)
  }

  var transit: Double { random.delay(mean: 0.02) }

  /// One delivery, none or two, each with a delay of its own: later messages may overtake.
  func deliver(_ body: @escaping (ProtocolWorld) -> Void) {
    if random.chance(settings.loss) { return }
    after(transit, body)
    if random.chance(settings.duplication) { after(transit * 10, body) }
  }

  // MARK: The run

  /// Runs to the end: finished, failed or stuck.
  func run() {
    for stage in [Stage.decode, .augment, .batch, .train, .evaluate] {
      for _ in 0..<settings.workers[stage]! { spawn(stage) }
    }
    after(0.1) { $0.startCoordinator(incarnation: $0.incarnation) }
    after(0.5) { $0.tick() }
    scheduleKill()
    loop()
  }

  private func loop() {
    while failure == nil, !(isCoordinatorUp && machine.isFinished && checkpoints.last == machine.committed) {
      guard let event = queue.popLast() else { return audit.broken("nothing is left to happen") }
      eventCount += 1
      guard eventCount < Self.eventLimit else { return audit.broken(stuck) }
      now = event.time
      event.body(self)
      guard audit.problems.isEmpty else { return }
    }
    if failure == nil { audit.finish(self) }
  }

  /// Where a run that does not end stands.
  private var stuck: String {
    let window = machine.window
    var text = "no end after \(eventCount) events at \(now) s: version \(machine.committed), "
    text += "\(window.leasedCount) leases, \(window.backupCount) of them backups, \(window.expiredCount) expired; "
    text += "evaluations \(machine.evaluations.map(\.version)), workers \(workers.keys.sorted()); open groups: "
    for group in window.openGroups {
      let leases = (0..<settings.batch).map { window.leaseCount(of: group, slot: $0) }
      text += "\(group.kind) \(group.step).\(group.index) whole \(window.isCollated(group)) leases \(leases); "
    }
    return text
  }

  /// Another session resumes a run that was stopped, with other worker counts.
  func resume(workers counts: [Stage: Int]) {
    settings.stopEarlyAfter = nil
    settings.workers = counts
    for worker in workers.values { worker.isAlive = false }
    workers = [:]
    isCoordinatorUp = false
    for stage in [Stage.decode, .augment, .batch, .train, .evaluate] {
      for _ in 0..<counts[stage]! { spawn(stage) }
    }
    incarnation += 1
    machine = Self.machine(settings)
    loadShards()
    after(0.1) { $0.startCoordinator(incarnation: $0.incarnation) }
    loop()
  }

  private func tick() {
    advance()
    after(0.5) { $0.tick() }
  }

  private func scheduleKill() {
    guard killsLeft > 0 else { return }
    after(random.delay(mean: 0.7)) { world in
      world.killsLeft -= 1
      if let victim = world.workers.keys.sorted().randomElement(using: &world.random) { world.kill(victim) }
      world.scheduleKill()
    }
  }

  func advance() {
    guard isCoordinatorUp, failure == nil else { return }
    let backups = machine.window.backupCount
    perform(machine.advance(now: now))
    audit.checkLeases(machine, workers: workers, backupsBefore: backups)
  }

  // MARK: What the coordinator does

  func perform(_ actions: [RunMachine.Action]) {
    for action in actions {
      switch action {
      case .lease(let grant):
        audit.granted(grant, machine)
        deliver { $0.decode(grant) }
      case .train(let share, let worker, let batches):
        for group in share.groups(of: ReplicaTree(replicas: settings.replicas)) { audit.assigned(group, machine) }
        let lease = TrainLease(share: share, batches: batches)
        control(worker) { world, trainer in world.lease(trainer, lease) }
        if random.chance(settings.duplication) { control(worker) { world, trainer in world.lease(trainer, lease) } }
      case .evaluate(let group, let worker, let batch):
        audit.assigned(group, machine)
        control(worker) { world, consumer in world.lease(consumer, group, batch) }
        if random.chance(settings.duplication) {
          control(worker) { world, consumer in world.lease(consumer, group, batch) }
        }
      case .commit(let version, let reports): committed(version, reports)
      case .recordVerdict(let key, _), .recordTransient(let key, _):
        audit.verdict(key)
        if key.group.kind == .training { ledger.verdicts.insert(key) }
      case .drop(let group, let batch): control(batch) { _, worker in worker.store.forget(group) }
      case .evaluated(let result):
        audit.evaluated(result)
        ledger.evaluated.insert(result.version)
      case .fail(let error): failure = error
      case .fruitless: break
      case .diverged(let group, _, _): failure = PipelineError(.diverged, "\(group)")
      }
    }
  }

  private func committed(_ version: Int, _ reports: [TrainedReport]) {
    audit.committed(version, reports, after: ledger.committed)
    ledger.committed = version
    norms.commit(version: version)
    ledger.samples[version] = reports.reduce(0) { $0 + $1.consumed.count }
    let isDue =
      version % settings.checkpointEvery == 0 || version == machine.stopAt
      || machine.evaluations.contains { $0.version == version }
    broadcastCommit(version, checkpoint: isDue)
    if settings.shardLosses.first == version {
      settings.shardLosses.removeFirst()
      after(random.delay(mean: 0.3)) { $0.loseShard() }
    }
    if settings.restarts.first == version {
      settings.restarts.removeFirst()
      after(random.delay(mean: 0.3)) { $0.restartCoordinator() }
    }
    if settings.stopEarlyAfter == version { after(random.delay(mean: 0.1)) { $0.machine.stopEarly() } }
  }

  func broadcastCommit(_ version: Int, checkpoint: Bool) {
    for id in workers.keys.sorted() {
      control(id) { world, worker in
        worker.store.commit(version: version)
        world.cancel(worker, worker.trainer.shares.commit(version: version))
        if worker.stage == .train { world.trainNext(worker) }
      }
    }
    let stamp = incarnation
    for shard in shards.indices {
      after(transit) { world in
        guard world.areShardsUp, world.incarnation == stamp else { return }
        world.shards[shard].committed = max(world.shards[shard].committed, version)
        if checkpoint { world.wroteCheckpoint(version, shard: shard) }
        world.applyIfComplete(shard)
      }
    }
  }

  private func wroteCheckpoint(_ version: Int, shard: Int) {
    if shards[shard].version != version {
      audit.broken("shard \(shard) is at \(shards[shard].version) when it should write \(version)")
    }
    let stamp = incarnation
    after(transit) { world in
      guard world.isCoordinatorUp, world.incarnation == stamp else { return }
      world.ledger.checkpointFiles[version, default: []].insert(shard)
      guard world.ledger.checkpointFiles[version]!.count == world.shards.count else { return }
      world.machine.checkpointed(version)
      world.advance()
    }
  }
}
