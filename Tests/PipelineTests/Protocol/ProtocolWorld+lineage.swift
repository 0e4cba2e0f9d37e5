import Pipeline
import Topology

/// What outlives the coordinator.
struct SimulatedLedger {
  var committed = 0
  var samples: [Int: Int] = [:]
  var verdicts: Set<ItemKey> = []
  var evaluated: Set<Int> = []
  /// Shards that wrote their part, by version.
  var checkpointFiles: [Int: Set<Int>] = [:]

  func attempts(from step: Int) -> [ItemKey] {
    verdicts.filter { $0.group.step >= step }.sorted().map {
      ItemKey(group: $0.group, slot: $0.slot, attempt: $0.attempt + 1)
    }
  }
}

/// One average shard: sums symbols instead of gradients.
struct SimulatedShard {
  var version: Int
  var committed: Int
  var sum: TreeSum<String>
  /// The newest step it measured, also after it was applied.
  var measured: Int?
  /// The newest step whose norm it heard.
  var clipped: Int?

  init(version: Int, replicas: Int) {
    self.version = version
    committed = version
    sum = TreeSum(tree: ReplicaTree(replicas: replicas))
  }
}

/// Starts, restarts and roll-backs.
extension ProtocolWorld {
  var checkpoints: [Int] {
    ledger.checkpointFiles.filter { $0.value.count == shards.count }.keys.sorted()
  }

  /// The coordinator is there, with a machine that knows nobody yet.
  func startCoordinator(incarnation: UInt64) {
    isCoordinatorUp = true
    for id in workers.keys.shuffled(in: &random) where workers[id]!.isAlive {
      machine.join(id, stage: workers[id]!.stage)
    }
    welcomeAll()
    for shard in shards.indices {
      shards[shard].sum = TreeSum(tree: ReplicaTree(replicas: settings.replicas))
      shards[shard].clipped = nil
      if shards[shard].measured == shards[shard].version { shards[shard].measured = nil }
      if let step = shards[shard].measured { saySquare(shard, step: step) }
    }
    after(1) { world in
      if world.incarnation == incarnation, world.areShardsUp { world.begin() }
    }
  }

  /// Versions up to `version` whose evaluation is due and not done.
  private func evaluationsDue(upTo version: Int) -> [Int] {
    guard settings.evaluation != nil, version > 0 else { return [] }
    return (1...version).filter {
      ($0 % settings.evaluateEvery == 0 || $0 == settings.steps) && !ledger.evaluated.contains($0)
    }
  }

  /// Whether the shards can go on from where they are. A checkpoint that was under way when the coordinator died may be
  /// missing: it can be written again only while all shards are at exactly its version.
  private var isInPlace: Bool {
    let missing = evaluationsDue(upTo: ledger.committed).filter { !checkpoints.contains($0) }
    return missing.allSatisfy { $0 == ledger.committed } && (missing.isEmpty || areShardsAtCommitted)
  }

  private var areShardsAtCommitted: Bool { shards.allSatisfy { $0.version == ledger.committed } }

  private func begin() {
    if !isInPlace { loadShards() }
    audit.started(from: ledger.committed)
    let pinned = checkpoints.filter { $0 <= ledger.committed }
    let due = evaluationsDue(upTo: ledger.committed)
    machine.start(
      from: ledger.committed, attempts: ledger.attempts(from: ledger.committed), evaluations: due,
      incarnation: incarnation)
    for version in pinned { machine.checkpointed(version) }
    for shard in shards.indices { machine.applied(shard: shard, version: shards[shard].version) }
    let isMissing = due.last == ledger.committed || ledger.committed == machine.stopAt
    broadcastCommit(
      ledger.committed, checkpoint: isMissing && !pinned.contains(ledger.committed) && areShardsAtCommitted)
    advance()
  }

  /// Every worker hears of the incarnation and forgets what belonged to an earlier one.
  private func welcomeAll() {
    for id in workers.keys.sorted() { welcome(id) }
  }

  func welcome(_ id: WorkerID) {
    let stamp = incarnation
    control(id) { _, worker in
      worker.incarnation = stamp
      worker.store.reset()
      worker.forgetLeases()
    }
  }

  /// The coordinator dies; its successor has the ledger.
  func restartCoordinator() {
    guard isCoordinatorUp, areShardsUp else { return after(1) { $0.restartCoordinator() } }
    isCoordinatorUp = false
    after(random.delay(mean: 1)) { world in
      world.incarnation += 1
      world.machine = Self.machine(world.settings)
      world.norms = Self.norms(world.settings)
      world.startCoordinator(incarnation: world.incarnation)
    }
  }

  /// A shard dies: all load the newest whole checkpoint, and training goes on from there.
  func loseShard() {
    guard isCoordinatorUp, areShardsUp else { return after(1) { $0.loseShard() } }
    areShardsUp = false
    after(random.delay(mean: 0.2)) { $0.machine.pause() }
    after(2 + random.delay(mean: 1)) { world in
      world.incarnation += 1
      world.welcomeAll()
      world.loadShards()
      world.after(world.transit) { world in
        world.areShardsUp = true
        world.begin()
      }
    }
  }

  func loadShards() {
    let version =
      checkpoints.last { version in
        version <= ledger.committed && evaluationsDue(upTo: version).allSatisfy { checkpoints.contains($0) }
      } ?? 0
    audit.rolledBack(steps: ledger.committed - version)
    norms.reset()
    ledger.committed = version
    ledger.samples = ledger.samples.filter { $0.key <= version }
    ledger.checkpointFiles = ledger.checkpointFiles.filter { $0.value.count == shards.count && $0.key <= version }
    for shard in shards.indices { shards[shard] = SimulatedShard(version: version, replicas: settings.replicas) }
  }

  // MARK: Shards

  /// - Parameter taken: called when the shard has it.
  func contribute(
    _ share: ReplicaShare, _ payload: String, to shard: Int, stamp: UInt64, taken: @escaping (ProtocolWorld) -> Void
  ) {
    guard areShardsUp, incarnation == stamp else { return }
    if share.step < shards[shard].version { return deliver(taken) }
    guard share.step == shards[shard].version else { return }
    let outcome = shards[shard].sum.insert(share.node, payload) { "(\($0)+\($1))" }
    if outcome == .alreadyCovered { audit.duplicateContributions += 1 }
    deliver(taken)
    applyIfComplete(shard)
  }

  func applyIfComplete(_ shard: Int) {
    while shards[shard].committed >= shards[shard].version, let total = shards[shard].sum.total {
      let step = shards[shard].version
      if settings.clips, shards[shard].clipped != step {
        if shards[shard].measured != step {
          shards[shard].measured = step
          saySquare(shard, step: step)
        }
        return
      }
      audit.applied(step: shards[shard].version, total)
      shards[shard].version += 1
      shards[shard].sum = TreeSum(tree: ReplicaTree(replicas: settings.replicas))
      let (version, stamp) = (shards[shard].version, incarnation)
      after(transit) { world in
        guard world.isCoordinatorUp, world.incarnation == stamp else { return }
        world.machine.applied(shard: shard, version: version)
        world.advance()
      }
    }
  }
}

extension ProtocolWorld {
  /// A shard's word on the norm of a step; when it was the last, all shards hear the whole.
  private func saySquare(_ shard: Int, step: Int) {
    guard settings.clips else { return }
    let stamp = incarnation
    after(transit) { world in
      guard world.isCoordinatorUp, world.incarnation == stamp,
        let square = world.norms.take(shard: shard, step: step, squares: [Double(shard + step)])
      else { return }
      let expected = world.shards.indices.reduce(0) { $0 + $1 + step }
      if square != Double(expected) { world.audit.broken("the norm of step \(step) is \(square), not \(expected)") }
      for other in world.shards.indices {
        world.after(world.transit) { world in
          guard world.areShardsUp, world.incarnation == stamp else { return }
          world.shards[other].clipped = step
          world.applyIfComplete(other)
        }
      }
    }
  }
}

extension Collection where Element: Comparable {
  /// Shuffled from a fixed order, so that a set's order has no say.
  func shuffled(in random: inout TestRandom) -> [Element] { sorted().shuffled(using: &random) }
}
