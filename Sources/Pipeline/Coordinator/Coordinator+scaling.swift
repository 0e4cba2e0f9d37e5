import Topology

/// Other numbers of workers while the run goes on: what `sluice scale` asks for, and `autoscale`.
extension Coordinator {
  /// - Returns: what is wrong with the request, if anything.
  func scale(_ request: ClientRequest) -> String? {
    var wanted: [(stage: Stage, count: Int)] = []
    for (name, count) in (request.counts ?? [:]).sorted(by: { $0.key < $1.key }) {
      guard let stage = Stage(rawValue: name), stage != .plan else {
        let known = Stage.allCases.filter { $0 != .plan }.map(\.rawValue).joined(separator: ", ")
        return "unknown stage \(name); stages are \(known)"
      }
      guard stage != .average else { return "average shards are fixed at the start of a run" }
      guard (0...4096).contains(count) else { return "\(name)=\(count): give a number from 0 to 4096" }
      wanted.append((stage, count))
    }
    let nodes = nodes.filter { request.host == nil || $0.identity.host == request.host }
    guard !nodes.isEmpty else {
      guard let host = request.host else { return "no node is connected to this run" }
      let names = Set(self.nodes.map(\.identity.host)).sorted().joined(separator: ", ")
      return "no node \(host) in this run; nodes: \(names.isEmpty ? "none" : names)"
    }
    var orders: [WorkerID: [String: Int]] = [:]
    for (stage, count) in wanted {
      let able = able(nodes, stage)
      guard let shares = NodeShares(able).share(count) else {
        let least = able.reduce(0) { $0 + $1.least }
        return "\(stage.rawValue)=\(count): "
          + (count < least
            ? "\(least) share their process with an average shard and stay"
            : "there are only single workers (`sluice worker`); start more of them, or a node")
      }
      for (node, share) in shares { orders[node, default: [:]][stage.rawValue] = share }
    }
    if let reason = Self.tooMany(total(with: orders)) { return reason }
    for (node, counts) in orders.sorted(by: { $0.key < $1.key }) { send(ScaleTo(counts: counts), to: node) }
    return nil
  }

  /// Stage workers that all nodes are to have, with what these are told.
  private func total(with orders: [WorkerID: [String: Int]]) -> Int {
    nodes.reduce(0) { sum, node in
      let counts = (node.hello.node?.counts ?? [:]).merging(orders[node.identity.id] ?? [:]) { $1 }
      return sum + counts.values.reduce(0) { $0 + min(max($1, 0), 4096) }
    }
  }

  /// Adds workers to stages that others wait for and takes idle ones away, where the topology says so. It counts the workers
  /// that nodes are to have: after a restart of the coordinator those that are there come one after the other.
  func autoscale() {
    let now = Monotonic.seconds()
    guard phase == .running, !topology.autoscale.isEmpty, now - autoscaledAt >= 1 else { return }
    autoscaledAt = now
    let nodes = nodes
    guard haveCome(nodes, now) else { return }
    var counts: [Stage: Int] = [:]
    for node in nodes {
      for (name, count) in node.hello.node?.counts ?? [:] {
        if let stage = Stage(rawValue: name) { counts[stage, default: 0] += min(max(count, 0), 4096) }
      }
    }
    for decision in autoscaler.decide(waitShares: recentWaitShares(now), counts: counts, now: now) {
      guard let shares = NodeShares(able(nodes, decision.stage)).share(decision.to) else { continue }
      let orders = shares.mapValues { [decision.stage.rawValue: $0] }
      guard Self.tooMany(total(with: orders)) == nil else { continue }
      let text = "\(decision.stage.rawValue) \(decision.from) → \(decision.to): \(decision.reason)"
      progress.note("autoscale: \(text)")
      lastAutoscale = text
      for (node, counts) in orders.sorted(by: { $0.key < $1.key }) { send(ScaleTo(counts: counts), to: node) }
    }
  }

  /// Whether every host's node is here that may be; single workers have had time to come back, too.
  private func haveCome(_ nodes: [Worker], _ now: Double) -> Bool {
    let since = nodesAwaitedSince ?? now
    nodesAwaitedSince = since
    let hosts = Set(nodes.filter { $0.hello.node?.isSingle == false }.map(\.identity.host))
    let areAll = topology.hosts.allSatisfy { host in
      hosts.contains(host.name) || host.processes.allSatisfy { $0.count == 0 }
    }
    return !nodes.isEmpty && now - since >= (areAll ? Self.returnSeconds : Self.absentSeconds)
  }

  /// Nodes come back to a coordinator that was started again within a second or two.
  private static let returnSeconds = 3.0
  /// One that has not come by then may not come at all.
  private static let absentSeconds = 10.0

  /// Stops as soon as the nodes of other hosts are back, which are to be let go, or have not come for long enough.
  package func leave() { leavesBy = Monotonic.seconds() + Self.absentSeconds }

  func leaveOnceHeard() {
    guard let leavesBy, !stopRequested else { return }
    let hosts = Set(nodes.map(\.identity.host))
    let areAll = topology.hosts.allSatisfy { $0.coordinator || $0.counts.isEmpty || hosts.contains($0.name) }
    if areAll || Monotonic.seconds() > leavesBy { stop() }
  }

  /// In the order in which they get workers: hosts before single workers.
  private var nodes: [Worker] {
    let all = workers.values.filter { $0.identity.role == .node }.sorted { $0.identity.id < $1.identity.id }
    return all.filter { $0.hello.node?.isSingle != true } + all.filter { $0.hello.node?.isSingle == true }
  }

  /// Those that run the stage or are to by the topology, or all hosts if none is; and the single workers of it.
  private func able(_ nodes: [Worker], _ stage: Stage) -> [NodeShares.Node] {
    func has(_ node: Worker) -> Bool { node.hello.node?.counts[stage.rawValue] ?? 0 > 0 }
    let singles = nodes.filter { $0.hello.node?.isSingle == true && has($0) }
    let hosts = nodes.filter { $0.hello.node?.isSingle != true }
    func entry(_ node: Worker) -> Topology.Host? { topology.host(named: node.identity.host) }
    let running = hosts.filter { has($0) || entry($0)?.count(stage) ?? 0 > 0 }
    return (running.isEmpty && singles.isEmpty ? hosts : running).map {
      NodeShares.Node(id: $0.identity.id, least: entry($0)?.fixedCount(stage) ?? 0)
    } + singles.map { NodeShares.Node(id: $0.identity.id, most: 1) }
  }
}
