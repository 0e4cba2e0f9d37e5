import Corpus
import Networks
import Topology

/// Checkpoints: shards write their files, the coordinator the manifest that makes them one.
extension Coordinator {
  func shardWrote(_ written: Checkpointed) {
    guard written.version > checkpointed ?? -1, written.version > abandoned else { return }
    if let error = written.error { return checkpointFailed(written.version, error) }
    let file = Checkpoint.Manifest.File(name: written.file, shard: written.shard, sha256: written.sha256)
    checkpointFiles[written.version, default: []].removeAll { $0.shard == file.shard }
    checkpointFiles[written.version]!.append(file)
    let files = checkpointFiles[written.version]!
    guard files.count == topology.count(.average) else { return }
    checkpointFiles[written.version] = nil
    do {
      try Checkpoint.finish(
        run: directory.path, manifest: try manifest(written.version, files.sorted { $0.shard < $1.shard }))
      checkpointed = written.version
      lastFailedAt = nil
      machine.checkpointed(written.version)
      prune()
    } catch {
      checkpointFailed(written.version, "\(error)")
    }
  }

  /// Training goes on without it. The run's last one is asked for again for `lost_after`: without it training was for
  /// nothing.
  private func checkpointFailed(_ version: Int, _ error: String) {
    let now = Monotonic.seconds()
    guard version == machine.stopAt else {
      progress.note("checkpoint of step \(version) failed, the last good one is kept: \(error)")
      abandoned = version
      checkpointFiles[version] = nil
      Checkpoint.abandon(run: directory.path, version: version)
      return perform(machine.cancelEvaluation(of: version))
    }
    let since = lastFailedAt ?? now
    if lastFailedAt == nil { progress.note("the last checkpoint failed, it is tried again: \(error)") }
    lastFailedAt = since
    let patience = stopRequested ? min(Self.starvedSeconds, topology.lostAfter) : topology.lostAfter
    guard now - since > patience else { return }
    fail(PipelineError(.checkpoint, "the last checkpoint failed: \(error)"))
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
  func check(_ manifest: Checkpoint.Manifest) throws(PipelineError) {
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
