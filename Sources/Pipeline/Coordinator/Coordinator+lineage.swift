import Corpus
import Networks
import Topology

/// Shards, checkpoints and roll-backs: where the run stands, and where it goes on from.
extension Coordinator {
  private var allShardsAreHere: Bool {
    Set(workers.values.compactMap(\.shard)) == Set(0..<topology.count(.average))
  }

  /// A shard has come: when all are here, training goes on from where they are, or from the newest checkpoint.
  func shardArrived() {
    guard phase == .waiting, allShardsAreHere, !stopRequested else { return }
    do {
      let committed = try ledger.committedVersion()
      for (error, aside) in try Checkpoint.putUnreadableAside(in: directory.path) {
        progress.note("a checkpoint is damaged, it is kept as \(aside): \(error)")
      }
      let isInPlace = (0..<topology.count(.average)).allSatisfy {
        shardVersions[$0] == committed || shardVersions[$0] == committed + 1
      }
      let missing = try missingCheckpoint(upTo: committed)
      if isInPlace, missing == nil {
        // Shards that were only silent: what was under way with those who have lost sight of them counts for nothing.
        if begunIncarnation == stamp.incarnation { try beginIncarnation("shards are back at \(committed)") }
        try begin(from: committed)
      } else {
        try loadNewest(committed: committed, below: missing)
      }
      roomWasFound()
    } catch {
      if waitsForRoom(error) { return }
      fail(error as? PipelineError ?? PipelineError(.ledger, "\(error)"))
    }
  }

  /// The first checkpoint that something waits for and that a coordinator before this one did not finish: shards write
  /// each only once, so it is made again by a roll-back.
  private func missingCheckpoint(upTo committed: Int) throws -> Int? {
    let whole = Set(Checkpoint.all(in: directory.path).map(\.manifest.version))
    let done = try ledger.evaluatedVersions()
    let first = max(1, committed - topology.checkpoint.every * topology.checkpoint.keep)
    guard first <= committed else { return nil }
    return (first...committed).first { version in
      let isWanted = isEvaluated(version) && !done.contains(version)
      return (isWanted || version == machine.stopAt) && !whole.contains(version)
    }
  }

  /// A shard has gone: its blocks are in the newest checkpoint only. Everything waits until it is replaced.
  func shardLost(_ shard: Int) {
    shardVersions[shard] = nil
    guard phase != .finished else { return }
    machine.pause()
    undone = []
    phase = .waiting
  }

  /// A new incarnation, in which all shards load the newest whole checkpoint.
  /// - Parameter missing: a checkpoint to be made again, if there is one to start from before it.
  private func loadNewest(committed: Int, below missing: Int?) throws {
    let all = Checkpoint.all(in: directory.path).filter { $0.manifest.version <= committed }
    let newest = all.last { $0.manifest.version < missing ?? .max } ?? all.last
    let version = newest?.manifest.version ?? 0
    if let newest { try check(newest.manifest) }
    if stamp.incarnation > 1 || version > 0 || begunIncarnation != nil {
      try beginIncarnation("rolled back to \(version)")
    }
    try noteRollBack(from: committed, to: version)
    abandoned = -1
    lastFailedAt = nil
    shardVersions = [:]
    phase = .loading(version: version, missing: Set(0..<topology.count(.average)))
    load = Load(version: version, checkpoint: newest?.directory)
    broadcast(load!, to: [.average])
  }

  /// Everyone hears of it, and forgets what belonged to the one before.
  private func beginIncarnation(_ reason: String) throws {
    try ledger.endIncarnation(stamp.incarnation, reason)
    stamp.incarnation = try ledger.beginIncarnation(reason).number
    // Nodes, too: what belongs to another incarnation than theirs is nothing to them.
    for worker in workers.keys.sorted() { welcome(worker) }
    for stage in Stage.allCases {
      for consumer in stage.consumers { sendPeers(of: stage, to: consumer) }
    }
    Checkpoint.removePartial(in: directory.path)
    checkpointFiles = [:]
    norms.reset()
    clipScale = nil
  }

  func noteRollBack(from committed: Int, to version: Int) throws {
    if committed > version {
      progress.note("rolled back from step \(committed) to \(version)")
      try metrics.append(["rolled_back_from": committed, "rolled_back_to": version])
    }
    try ledger.rollBack(to: version)
  }

  /// Says it again to shards that have not answered: the first word may have been lost with a connection.
  func remindOfLoading() {
    guard case .loading(_, let missing) = phase, let load else { return }
    for id in workers.keys.sorted() {
      if let shard = workers[id]!.shard, missing.contains(shard) { send(load, to: id) }
    }
  }

  func shardLoaded(_ loaded: Loaded) {
    guard case .loading(let version, var missing) = phase, loaded.version == version else { return }
    if let error = loaded.error {
      return shardCannotLoad(
        PipelineError(.checkpoint, "average shard \(loaded.shard) cannot load step \(version): \(error)"))
    }
    missing.remove(loaded.shard)
    shardVersions[loaded.shard] = version
    phase = .loading(version: version, missing: missing)
    guard missing.isEmpty else { return }
    do {
      try begin(from: version)
    } catch {
      fail(error as? PipelineError ?? PipelineError(.ledger, "\(error)"))
    }
  }

  /// If the checkpoint is damaged, and not only out of that shard's sight, the one before it does: the steps since are done
  /// again, to the same bits.
  private func shardCannotLoad(_ error: PipelineError) {
    guard let checkpoint = load?.checkpoint.flatMap({ try? Checkpoint(directory: $0) }),
      let damage = checkpoint.damage()
    else { return fail(error) }
    do {
      let aside = try Checkpoint.putAside(checkpoint.directory)
      progress.note("a checkpoint is damaged, it is kept as \(aside): \(damage)")
      try loadNewest(committed: try ledger.committedVersion(), below: nil)
    } catch {
      fail(error as? PipelineError ?? PipelineError(.checkpoint, "\(error)"))
    }
  }

  func shardApplied(_ applied: Applied) {
    if case .loading(_, let missing) = phase, missing.contains(applied.shard) { return }
    shardVersions[applied.shard] = applied.version
    if phase == .running { machine.applied(shard: applied.shard, version: applied.version) }
  }

  /// A shard's part of a gradient's norm; when it was the last, all shards hear how it is clipped.
  func shardMeasured(_ measured: GradientSquares) {
    if case .loading(_, let missing) = phase, missing.contains(measured.shard) { return }
    guard let limit = topology.train.clipNorm,
      let square = norms.take(shard: measured.shard, step: measured.step, squares: measured.squares)
    else { return }
    let answer = ClipScale(step: measured.step, scale: SGD.clipScale(squaredNorm: square, limit: limit))
    clipScale = answer
    broadcast(answer, to: [.average])
  }

  private func begin(from version: Int) throws {
    let done = try ledger.evaluatedVersions()
    let pinned = Checkpoint.all(in: directory.path).map(\.manifest.version).filter { $0 <= version }
    let due = pinned.filter { isEvaluated($0) && !done.contains($0) }
    machine.start(
      from: version, attempts: try ledger.attempts(from: version), evaluations: due,
      incarnation: stamp.incarnation)
    begunIncarnation = stamp.incarnation
    ahead.commit(version)
    for version in pinned { machine.checkpointed(version) }
    checkpointed = pinned.last
    phase = .running
    for (shard, version) in shardVersions { machine.applied(shard: shard, version: version) }
    // Workers that kept their state across a coordinator's restart hear where the run is.
    broadcast(Commit(version: version, checkpoint: false), to: [.batch, .train, .average])
    if stopRequested { machine.stopEarly() }
    advance()
  }

  func isEvaluated(_ version: Int) -> Bool {
    guard let evaluate = topology.evaluate else { return false }
    return version > 0 && (version % evaluate.every == 0 || version == machine.settings.finalVersion)
  }
}
