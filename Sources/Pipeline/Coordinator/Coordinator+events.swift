import Corpus
import Files
import Foundation
import Topology
import Video
import Wire

extension Coordinator {
  /// A worker's word on the work of this incarnation.
  func report(_ kind: MessageKind, _ envelope: Envelope, from sender: WorkerID) {
    let now = Monotonic.seconds()
    switch kind {
    case .accepted:
      guard let accepted = try? Accepted(body: envelope.body) else { return }
      lastAcceptedAt = now
      for (key, owner) in zip(accepted.keys, accepted.owners) { machine.accepted(key, owner: owner, now: now) }
    case .failed:
      guard let failed = try? Failed(from: envelope) else { return }
      let failure: WorkWindow.Failure =
        failed.isTransient ? .transient(reason: failed.reason) : .verdict(reason: failed.reason)
      perform(machine.failed(failed.key, by: sender, failure, now: now))
    case .trained:
      guard let reports = (try? TrainedReports(body: envelope.body))?.reports else { return }
      reportsDone[sender, default: 0] += reports.count
      perform(machine.trained(reports, by: sender))
    case .applied: if let applied = try? Applied(from: envelope) { shardApplied(applied) }
    case .gradientSquares: if let squares = try? GradientSquares(from: envelope) { shardMeasured(squares) }
    case .loaded: if let loaded = try? Loaded(from: envelope) { shardLoaded(loaded) }
    case .checkpointed: if let written = try? Checkpointed(from: envelope) { shardWrote(written) }
    case .evaluated:
      guard let report = try? EvaluatedReport(from: envelope) else { return }
      reportsDone[sender, default: 0] += 1
      perform(machine.evaluated(report.group, scores: report.scores, by: sender))
    default: break
    }
  }

  /// Everything the machine can do now, and the end if there is nothing left.
  func advance() {
    guard !room.isFull(now: Monotonic.seconds()) else { return }
    guard phase == .running else {
      guard phase == .waiting else { return }
      return stopRequested ? endRun() : shardArrived()
    }
    giveUpStarvedStep()
    perform(machine.advance(now: Monotonic.seconds()))
    guard phase == .running, machine.isFinished, undone.isEmpty,
      checkpointed == machine.committed || machine.committed == 0
    else { return }
    endRun()
  }

  /// A stop does not wait for ever for a step whose clips do not come, since who decodes them hangs.
  private func giveUpStarvedStep() {
    guard stopRequested, Monotonic.seconds() - lastAcceptedAt > Self.starvedSeconds, machine.openStepLacksClips
    else { return }
    progress.note(
      "stopped without step \(machine.committed + 1): none of its clips came for \(Int(Self.starvedSeconds)) s")
    machine.stop(at: machine.committed)
  }

  static let starvedSeconds = 10.0

  func perform(_ actions: [RunMachine.Action]) {
    undone += actions
    guard !room.isFull(now: Monotonic.seconds()) else { return }
    var leases: [WorkerID: LeaseWriter] = [:]
    var rest = undone[...]
    undone = []
    while let action = rest.first {
      do {
        try perform(action, leases: &leases)
        rest.removeFirst()
      } catch {
        guard waitsForRoom(error) else { return fail(error as? PipelineError ?? PipelineError(.ledger, "\(error)")) }
        break
      }
    }
    if rest.isEmpty { roomWasFound() } else { undone = rest + undone }
    send(&leases)
  }

  /// In the order of their workers' names.
  private func send(_ leases: inout [WorkerID: LeaseWriter]) {
    for (worker, lease) in leases.sorted(by: { $0.key < $1.key }) {
      send(Envelope(.lease, stamp: stamp, body: lease.body), to: worker)
    }
    leases = [:]
  }

  /// Whether what failed is to be tried again, for want of room on the disk. A run that was asked to stop does not wait
  /// long.
  func waitsForRoom(_ error: any Error) -> Bool {
    switch room.failed(error, now: Monotonic.seconds()) {
    case .giveUp: return false
    case .wait(let isFirst, let seconds):
      if isFirst { progress.note("the disk is full, the run waits for room: \(error)") }
      return !stopRequested || seconds < Self.starvedSeconds
    }
  }

  func roomWasFound() {
    guard let seconds = room.succeeded(now: Monotonic.seconds()) else { return }
    progress.note("the disk has room again, after \(Int(seconds.rounded(.up))) s")
  }

  private func perform(_ action: RunMachine.Action, leases: inout [WorkerID: LeaseWriter]) throws {
    switch action {
    case .lease(let grant):
      let item = try encodedItem(grant.key)
      leases[grant.route.decode, default: LeaseWriter()].append(
        item, augment: grant.route.augment, batch: grant.route.batch, owner: grant.route.owner)
      tap.publish(grant.key) {
        guard let item = try? WorkItem(body: Array(item)) else { return ([:], nil) }
        return (["path": .text(item.path), "label": .integer(item.labels[0])], nil)
      }
    case .train(let share, let worker, let batches):
      send(.train, TrainLease(share: share, batches: batches), to: worker)
    case .evaluate(let group, let worker, let batch): send(EvaluateLease(group: group, batch: batch), to: worker)
    case .commit(let version, let reports): try commit(version, reports)
    case .recordVerdict(let key, let reason): try recordVerdict(key, reason)
    case .recordTransient(let key, let reason):
      ledger.addToCounter("transients_substituted", 1)
      try recordVerdict(key, reason)
    case .drop(let group, let batch): send(Drop(group: group), to: batch)
    case .evaluated(let result):
      try record(result)
      // It was kept for this.
      prune()
    case .fail(let error): fail(error)
    case .fruitless(let worker): noteFruitless(worker)
    case .diverged(let group, let attempts, let worker): fail(try divergence(group, attempts, worker))
    }
  }

  /// Names the clips of a round whose loss or gradient is not a finite number. Its step is not committed.
  private func divergence(_ group: GroupKey, _ attempts: [Int], _ worker: WorkerID) throws -> PipelineError {
    let clips = try attempts.enumerated().map { slot, attempt in
      let key = ItemKey(group: group, slot: slot, attempt: attempt)
      return "slot \(slot) draw \(attempt): \(try workItem(key).path)"
    }
    let kept = checkpointed.map { "the checkpoint of step \($0) is kept" } ?? "there is no checkpoint yet"
    return PipelineError(
      .diverged,
      "step \(group.step), replica \(group.index), trained by \(worker): the loss or a gradient is not a finite number; "
        + "\(kept). Start a new run from a checkpoint (train.weights) with a lower train.learning_rate, or leave out "
        + "what is wrong among its clips: " + clips.joined(separator: "; "))
  }

  /// The plan's word on a key, with the index' word on the video.
  func workItem(_ key: ItemKey) throws -> WorkItem {
    switch key.group.kind {
    case .training: return try items.training([key])[0]
    case .evaluation:
      // The clips of a video are leased one after the other.
      if evaluated?.group != key.group {
        guard let clips = topology.evaluate?.clips, evaluationVideos.indices.contains(key.group.index) else {
          throw PipelineError(.audit, "\(key): not an item of this run")
        }
        let video = evaluationVideos[key.group.index]
        evaluated = (key.group, try items.evaluation(key.group, of: video, clips: clips))
      }
      guard evaluated!.items.indices.contains(key.slot) else {
        throw PipelineError(.audit, "\(key): not an item of this run")
      }
      return evaluated!.items[key.slot]
    }
  }

  /// An item as it goes into a lease; what training leases was mostly looked up before.
  private func encodedItem(_ key: ItemKey) throws -> ArraySlice<UInt8> {
    guard key.group.kind == .training, key.attempt == 0 else { return try workItem(key).encodedBody[...] }
    return try ahead.items(of: key.group)[key.slot]
  }

  private func recordVerdict(_ key: ItemKey, _ reason: String) throws {
    let path = try workItem(key).path
    let shown = reason.hasPrefix("\(path): ") ? String(reason.dropFirst(path.count + 2)) : reason
    try ledger.recordVerdict(key, video: path, reason: shown)
    progress.note("quarantined \(path): \(shown)")
  }

  private func commit(_ version: Int, _ reports: [TrainedReport]) throws {
    let samples = reports.reduce(0) { $0 + $1.consumed.count }
    let loss = reports.reduce(0) { $0 + $1.loss } / Double(reports.count)
    let correct = reports.reduce(0) { $0 + $1.correct }
    lastLoss = loss
    countSeconds()
    recordExpiredLeases()
    try ledger.commit(
      Ledger.Step(
        version: version, incarnation: stamp.incarnation, samples: samples,
        digest: reports.map { hexadecimal($0.consumed.digest) }.joined(separator: " "), loss: loss, correct: correct))
    norms.commit(version: version)
    ahead.commit(version)
    clipRate.add(samples, now: Monotonic.seconds())
    broadcast(
      Commit(version: version, checkpoint: isCheckpoint(version)), to: [.batch, .train, .average])
    let rate = topology.train.learningRate(at: version - 1)
    try appendMetrics(version: version, loss: loss, accuracy: Double(correct) / Double(samples), rate: rate)
    progress.step(version, of: machine.settings.finalVersion, loss: loss, clips: samples)
    try checkBadFraction(version)
  }

  /// Says again what a worker whose connection broke may have missed; who has heard it ignores it.
  func remind() {
    guard phase == .running else { return }
    perform(machine.reminders)
    if let clipScale { broadcast(clipScale, to: [.average]) }
    let version = machine.committed
    let isWaitedFor = isCheckpoint(version) && (checkpointed ?? 0) < version && version > abandoned
    broadcast(Commit(version: version, checkpoint: isWaitedFor), to: [.batch, .train, .average])
  }

  /// Leases that expired since the last time, into the ledger.
  func recordExpiredLeases() {
    ledger.addToCounter("leases_expired", Double(machine.window.expiredCount - expiredReported))
    expiredReported = machine.window.expiredCount
  }

  private func isCheckpoint(_ version: Int) -> Bool {
    version % topology.checkpoint.every == 0 || version == machine.stopAt
      || machine.evaluations.contains { $0.version == version }
  }

  private func checkBadFraction(_ version: Int) throws {
    let planned = version * topology.train.clipsPerStep
    let substitutes = try ledger.substitutes(before: version)
    guard Double(substitutes) > topology.maxBadFraction * Double(planned), substitutes >= 10 else { return }
    throw PipelineError(
      .transient,
      "\(substitutes) of \(planned) clips needed a substitute, more than max_bad_fraction "
        + "\(topology.maxBadFraction); see `sluice status` and the quarantine list in \(directory.ledgerPath)")
  }

  private struct Metrics: Encodable {
    var step: Int
    var loss: Double
    var accuracy: Double
    var learning_rate: Double
    var seconds: Double
    var wait_share: [String: Double]
  }

  private func appendMetrics(version: Int, loss: Double, accuracy: Double, rate: Double) throws {
    try metrics.append(
      Metrics(
        step: version, loss: loss, accuracy: accuracy, learning_rate: rate, seconds: Monotonic.seconds() - startedAt,
        wait_share: waitShares()))
  }

  /// Share of its life a stage waited for input, over its workers.
  func waitShares() -> [String: Double] {
    var busy: [Stage: Double] = [:]
    var alive: [Stage: Double] = [:]
    for worker in workers.values {
      guard let stage = worker.identity.stage, worker.counters.aliveSeconds > 0 else { continue }
      busy[stage, default: 0] += worker.counters.busySeconds
      alive[stage, default: 0] += worker.counters.aliveSeconds
    }
    var shares: [String: Double] = [:]
    for (stage, seconds) in alive { shares[stage.rawValue] = max(0, 1 - busy[stage]! / seconds) }
    return shares
  }
}
