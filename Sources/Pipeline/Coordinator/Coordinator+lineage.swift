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
      let isInPlace = (0..<topology.count(.average)).allSatisfy {
        shardVersions[$0] == committed || shardVersions[$0] == committed + 1
      }
      let missing = try missingCheckpoint(upTo: committed)
      if isInPlace, missing == nil {
        try begin(from: committed)
      } else {
        try loadNewest(committed: committed, below: missing)
      }
    } catch {
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
    phase = .waiting
  }

  /// A new incarnation, in which all shards load the newest whole checkpoint.
  /// - Parameter missing: a checkpoint to be made again, if there is one to start from before it.
  private func loadNewest(committed: Int, below missing: Int?) throws {
    let all = Checkpoint.all(in: directory.path).filter { $0.manifest.version <= committed }
    let newest = all.last { $0.manifest.version < missing ?? .max } ?? all.last
    let version = newest?.manifest.version ?? 0
    if let newest { try check(newest.manifest) }
    if stamp.incarnation > 1 || version > 0 || committed > 0 {
      try ledger.endIncarnation(stamp.incarnation, "rolled back to \(version)")
      stamp.incarnation = try ledger.beginIncarnation("rolled back to \(version)").number
      for worker in workers.keys.sorted() where workers[worker]!.identity.role == .stage { welcome(worker) }
      for stage in Stage.allCases {
        for consumer in stage.consumers { sendPeers(of: stage, to: consumer) }
      }
    }
    if committed > version {
      progress.note("rolled back from step \(committed) to \(version)")
      try appendMetrics(["rolled_back_from": committed, "rolled_back_to": version])
    }
    try ledger.rollBack(to: version)
    Checkpoint.removePartial(in: directory.path)
    checkpointFiles = [:]
    shardVersions = [:]
    norms.reset()
    clipScale = nil
    phase = .loading(version: version, missing: Set(0..<topology.count(.average)))
    broadcast(Load(version: version, checkpoint: newest?.directory), to: [.average])
  }

  func shardLoaded(_ loaded: Loaded) {
    guard case .loading(let version, var missing) = phase, loaded.version == version else { return }
    if let error = loaded.error {
      return fail(PipelineError(.checkpoint, "average shard \(loaded.shard) cannot load step \(version): \(error)"))
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

  // MARK: Checkpoints

  func shardWrote(_ written: Checkpointed) {
    guard written.version > checkpointed ?? -1 else { return }
    if let error = written.error {
      progress.note("checkpoint of step \(written.version) failed, the last good one is kept: \(error)")
      perform(machine.cancelEvaluation(of: written.version))
      if written.version == machine.stopAt { fail(PipelineError(.checkpoint, "the last checkpoint failed: \(error)")) }
      return
    }
    checkpointFiles[written.version, default: []].append(
      Checkpoint.Manifest.File(name: written.file, shard: written.shard, sha256: written.sha256))
    let files = checkpointFiles[written.version]!
    guard Set(files.map(\.shard)).count == topology.count(.average) else { return }
    checkpointFiles[written.version] = nil
    do {
      try Checkpoint.finish(
        run: directory.path, manifest: try manifest(written.version, files.sorted { $0.shard < $1.shard }))
      checkpointed = written.version
      machine.checkpointed(written.version)
      prune()
    } catch {
      progress.note("checkpoint of step \(written.version) failed, the last good one is kept: \(error)")
      perform(machine.cancelEvaluation(of: written.version))
    }
  }

  private func manifest(_ version: Int, _ files: [Checkpoint.Manifest.File]) throws -> Checkpoint.Manifest {
    var settings: [String: String] = [:]
    for (path, value) in topology.settingsThatInfluenceResults() { settings[path] = value }
    var numerics: [String: String] = [:]
    for (kind, fingerprint) in try ledger.fingerprints() { numerics[kind.rawValue] = fingerprint.value }
    return Checkpoint.Manifest(
      version: version, elements: layout.count, blockElements: BlockMap.blockElements, files: files,
      settings: settings, corpus: corpus.fingerprint, numerics: numerics)
  }

  /// Refuses a checkpoint made with other settings or another corpus.
  private func check(_ manifest: Checkpoint.Manifest) throws(PipelineError) {
    var differences: [String] = []
    if manifest.corpus != corpus.fingerprint { differences.append("the corpus \(topology.corpus) has changed") }
    for (path, value) in topology.settingsThatInfluenceResults() where manifest.settings[path] != value {
      differences.append("\(path): \(manifest.settings[path] ?? "unset") → \(value)")
    }
    guard differences.isEmpty else {
      throw PipelineError(
        .settingsDiffer,
        "\(directory.path): cannot go on from step \(manifest.version): " + differences.joined(separator: "; "))
    }
  }

  /// Keeps the newest checkpoints and those an evaluation still reads.
  func prune() {
    let all = Checkpoint.all(in: directory.path)
    let pinned = Set(machine.evaluations.map(\.version))
    for old in all.dropLast(topology.checkpoint.keep) where !pinned.contains(old.manifest.version) {
      old.remove()
    }
  }
}
