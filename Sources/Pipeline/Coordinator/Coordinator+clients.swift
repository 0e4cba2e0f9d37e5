import Topology
import Wire

/// What `sluice status` and `tap` ask; `scale` is in Coordinator+scaling.
extension Coordinator {
  /// - Returns: nil when it is no request.
  func answer(_ envelope: Envelope) -> ClientReply? {
    guard let request = try? ClientRequest(from: envelope) else { return nil }
    var reply = ClientReply()
    switch request.action {
    case .status: break
    case .scale: reply.error = scale(request)
    }
    reply.status = status()
    return reply
  }

  func tapDirectory() -> TapDirectory {
    let plan = TapDirectory.Tap(
      stage: Stage.plan.rawValue, worker: "\(topology.coordinator.name)/plan", tap: tap.endpoints)
    let others = workers.keys.sorted().compactMap { id -> TapDirectory.Tap? in
      guard let stage = workers[id]!.identity.stage else { return nil }
      return TapDirectory.Tap(stage: stage.rawValue, worker: id, tap: workers[id]!.hello.tap)
    }
    return TapDirectory(run: topology.name, taps: [plan] + others)
  }

  private func status() -> RunStatus {
    let now = Monotonic.seconds()
    let list = workers.keys.sorted().map { id -> RunStatus.Worker in
      let worker = workers[id]!
      let counters = worker.counters
      return RunStatus.Worker(
        id: id, stage: worker.identity.stage?.rawValue ?? "node", host: worker.identity.host,
        processID: worker.identity.processID, data: worker.hello.data, tap: worker.hello.tap, counters: counters,
        waitShare: [worker.load.silent(for: now - worker.lastSeen)].recentWaitShare ?? 0,
        silentSeconds: now - worker.lastSeen,
        queued: worker.identity.stage.flatMap { machine.queued(by: id, of: $0) })
    }
    let shares = Dictionary(uniqueKeysWithValues: recentWaitShares(now).map { ($0.key.rawValue, $0.value) })
    let state =
      switch phase {
      case .waiting: "waiting for average shards"
      case .loading(let version, _): "loading step \(version)"
      case .running: "running"
      case .finished: "finished"
      }
    return RunStatus(
      run: topology.name, directory: directory.path, incarnation: stamp.incarnation, version: machine.committed,
      steps: machine.settings.finalVersion, state: state, loss: lastLoss, clipsLeased: machine.window.leasedCount,
      leasesExpired: machine.window.expiredCount, quarantined: (try? ledger.quarantined().count) ?? 0,
      workersLost: (try? ledger.workersLost()) ?? 0, waitShare: shares, shortStage: RunStatus.short(shares),
      autoscale: lastAutoscale, coordinatorCPUSeconds: Monotonic.processorSeconds(),
      clipsPerSecond: clipRate.perSecond, workers: list, tap: tap.endpoints)
  }

  /// By stage. One that training waits for and that has no worker keeps all others waiting.
  func recentWaitShares(_ now: Double) -> [Stage: Double] {
    var shares: [Stage: Double] = [:]
    for stage in Stage.allCases {
      let own = workers.values.filter { $0.identity.stage == stage }
      let isNeeded = stage == .evaluate ? machine.waitsForEvaluation : stage != .plan
      shares[stage] =
        own.isEmpty && isNeeded ? 0 : own.map { $0.load.silent(for: now - $0.lastSeen) }.recentWaitShare
    }
    return shares
  }
}
