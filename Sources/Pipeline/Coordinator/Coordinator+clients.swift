import Topology
import Wire

/// What `sluice status`, `scale` and `tap` ask.
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

  /// - Returns: what is wrong with the request, if anything.
  private func scale(_ request: ClientRequest) -> String? {
    let counts = request.counts ?? [:]
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
      guard let stage = Stage(rawValue: name), stage != .plan else {
        let known = Stage.allCases.filter { $0 != .plan }.map(\.rawValue).joined(separator: ", ")
        return "unknown stage \(name); stages are \(known)"
      }
      guard stage != .average else { return "average shards are fixed at the start of a run" }
      guard (0...4096).contains(count) else { return "\(name)=\(count): give a number from 0 to 4096" }
    }
    for (name, count) in counts {
      let hosts = topology.hosts.filter { request.host == nil || $0.name == request.host }
      let least = Stage(rawValue: name).map { stage in hosts.reduce(0) { $0 + $1.fixedCount(stage) } } ?? 0
      guard count >= least else {
        return "\(name)=\(count): \(least) share their process with an average shard and stay"
      }
    }
    let nodes = nodes
    if let host = request.host {
      guard let node = nodes.first(where: { $0.identity.host == host }) else {
        let names = nodes.map(\.identity.host).joined(separator: ", ")
        return "no node \(host) in this run; nodes: \(names.isEmpty ? "none" : names)"
      }
      send(ScaleTo(counts: counts), to: node.identity.id)
      return nil
    }
    guard !nodes.isEmpty else { return "no node is connected to this run" }
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) { spread(name, count, over: nodes) }
    return nil
  }

  /// Adds workers to stages that others wait for and takes idle ones away, where the topology says so.
  func autoscale() {
    let now = Monotonic.seconds()
    guard phase == .running, !topology.autoscale.isEmpty, now - autoscaledAt >= 1 else { return }
    autoscaledAt = now
    let nodes = nodes
    guard !nodes.isEmpty else { return }
    let hosts = Set(nodes.map(\.identity.host))
    var counts: [Stage: Int] = [:]
    for worker in workers.values where hosts.contains(worker.identity.host) {
      if let stage = worker.identity.stage { counts[stage, default: 0] += 1 }
    }
    for decision in autoscaler.decide(waitShares: recentWaitShares(now), counts: counts, now: now) {
      let text = "\(decision.stage.rawValue) \(decision.from) → \(decision.to): \(decision.reason)"
      progress.note("autoscale: \(text)")
      lastAutoscale = text
      spread(decision.stage.rawValue, decision.to, over: nodes)
    }
  }

  private var nodes: [Worker] {
    workers.values.filter { $0.identity.role == .node }.sorted { $0.identity.id < $1.identity.id }
  }

  /// Shares a total out evenly over the nodes that run the stage, or over all if none does.
  private func spread(_ stage: String, _ total: Int, over nodes: [Worker]) {
    let running = Set(workers.values.filter { $0.identity.stage?.rawValue == stage }.map(\.identity.host))
    let able = nodes.filter { running.contains($0.identity.host) }
    let targets = able.isEmpty ? nodes : able
    for (index, node) in targets.enumerated() {
      let share = total / targets.count + (index < total % targets.count ? 1 : 0)
      send(ScaleTo(counts: [stage: share]), to: node.identity.id)
    }
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

  /// By stage. One that training needs and that has no worker keeps all others waiting.
  private func recentWaitShares(_ now: Double) -> [Stage: Double] {
    var shares: [Stage: Double] = [:]
    for stage in Stage.allCases {
      let own = workers.values.filter { $0.identity.stage == stage }
      let isNeeded = stage != .plan && stage != .evaluate
      shares[stage] =
        own.isEmpty && isNeeded ? 0 : own.map { $0.load.silent(for: now - $0.lastSeen) }.recentWaitShare
    }
    return shares
  }
}
