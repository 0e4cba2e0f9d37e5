import Corpus
package import Topology
import Wire

extension Coordinator {
  /// A worker comes, or comes back after a restart of the coordinator.
  /// - Parameter key: the public key it came in with, if that was asked for.
  func hello(_ envelope: Envelope, from sender: WorkerID, key: String?) {
    guard let hello = try? Hello(from: envelope), hello.identity.id == sender else { return }
    guard [hello.data.key, hello.tap.key].allSatisfy({ $0 == nil || key == nil || $0 == key }) else {
      return refuse(sender, "it names another key for its sockets than its own")
    }
    if let reason = Self.unreachable(hello.data.tcp, host: hello.identity.host, topology) {
      return refuse(sender, reason)
    }
    guard envelope.run == 0 || envelope.run == stamp.run else {
      return refuse(sender, "it belongs to another run than the one at this endpoint")
    }
    guard phase != .finished else { return send(Dismissed(), to: sender) }
    guard !replaced.contains(sender) else {
      return refuse(sender, "another process of this host has taken its place; is the node running twice?")
    }
    if hello.identity.role == .stage, workers[sender] == nil, let reason = Self.tooMany(others(hello.identity) + 1) {
      return refuse(sender, reason)
    }
    do throws(PipelineError) {
      if let fingerprint = hello.fingerprint {
        let expected = try ledger.fingerprint(orAdopt: fingerprint)
        guard expected.value == fingerprint.value else {
          return refuse(sender, Self.difference(expected, fingerprint))
        }
      }
    } catch {
      return fail(error)
    }
    register(hello, key: key)
  }

  /// Stage workers that are here, but for one whose place this one takes.
  private func others(_ identity: WorkerIdentity) -> Int {
    workers.values.count { $0.identity.role == .stage && $0.identity.place != identity.place }
  }

  /// Why a run cannot have so many stage workers, if so.
  static func tooMany(_ count: Int) -> String? {
    OpenFiles.areEnough(workers: count)
      ? nil
      : "\(count) workers may need more open files than the coordinator may have; raise its limit (ulimit -Hn, "
        + "LimitNOFILE= of the service)"
  }

  private static func difference(_ expected: Fingerprint, _ found: Fingerprint) -> String {
    "its \(found.kind.rawValue) differs from the run's, so results would not be reproducible: "
      + "\(found.value) (\(found.description)) here, \(expected.value) (\(expected.description)) in the run"
  }

  /// Why workers of other hosts could not connect to this one, if so: leases would be given to it, and nothing would come.
  /// - Parameters:
  ///   - tcp: where the worker of `host` is reached from other hosts.
  package static func unreachable(_ tcp: String?, host: String, _ topology: Topology) -> String? {
    guard topology.hosts.count > 1, topology.host(named: host)?.isLoopback != true,
      let beyond = topology.hosts.first(where: { !$0.isLoopback }),
      let address = tcp?.dropFirst("tcp://".count).split(separator: ":").first.map(String.init),
      Topology.isLoopback(address)
    else { return nil }
    return "its address \(address) can be reached from its own machine only, and \(beyond.name) is at "
      + "\(beyond.address); join by the coordinator's tcp endpoint, or give `sluice worker --address`"
  }

  /// It may be out of reach for who takes its output.
  func noteFruitless(_ id: WorkerID) {
    guard let worker = workers[id] else { return }
    let place = worker.hello.data.tcp.map { " at \($0)" } ?? ""
    progress.note(
      "\(id): none of the clips leased to it come, while those of others do: can its peers reach it\(place)? It gets one "
        + "now and then until something comes")
  }

  func refuse(_ worker: WorkerID, _ reason: String) {
    progress.note("refused \(worker): \(reason)")
    send(Refused(reason: reason), to: worker)
  }

  private func register(_ hello: Hello, key: String?) {
    let id = hello.identity.id
    var worker = workers[id] ?? Worker(hello: hello, lastSeen: Monotonic.seconds())
    let isNew = workers[id] == nil
    if isNew { takeOverPlace(hello.identity) }
    worker.hello = hello
    worker.key = key
    if hello.identity.stage == .average {
      guard let shard = worker.shard ?? freeShard(for: hello) else {
        return refuse(id, "all \(topology.count(.average)) average shards are there already")
      }
      worker.shard = shard
      if let state = hello.shard, state.run == stamp.run { shardVersions[shard] = state.version }
    }
    workers[id] = worker
    welcome(id)
    guard let stage = hello.identity.stage else { return }
    for producer in stage.producers { sendPeers(of: producer, toWorker: id) }
    guard isNew else { return }
    machine.join(id, stage: stage)
    for consumer in stage.consumers { sendPeers(of: stage, to: consumer) }
    if stage == .average { shardArrived() }
  }

  /// A node starts a worker only where it has none: one that was there before has died with its node, unheard.
  private func takeOverPlace(_ identity: WorkerIdentity) {
    guard identity.role == .stage else { return }
    for id in workers.keys.sorted() {
      let other = workers[id]!.identity
      guard other.role == .stage, other.place == identity.place else { continue }
      replaced.insert(id)
      lose(id, reason: "replaced by \(identity.id)")
    }
  }

  /// The shard index a worker takes: the one it had, or the first free one.
  private func freeShard(for hello: Hello) -> Int? {
    let taken = Set(workers.values.compactMap(\.shard))
    if let state = hello.shard, state.run == stamp.run, !taken.contains(state.index) { return state.index }
    return (0..<topology.count(.average)).first { !taken.contains($0) }
  }

  func welcome(_ id: WorkerID) {
    send(
      Welcome(
        topology: topology.yaml(), classes: corpus.labels.count, directory: directory.path,
        shard: workers[id]!.shard, shards: topology.count(.average)), to: id)
  }

  /// Tells every worker of `consumer` who makes its input.
  func sendPeers(of stage: Stage, to consumer: Stage) {
    for worker in workers.keys.sorted() where workers[worker]!.identity.stage == consumer {
      sendPeers(of: stage, toWorker: worker)
    }
  }

  private func sendPeers(of stage: Stage, toWorker worker: WorkerID) {
    let peers = workers.keys.sorted().compactMap { id -> Peers.Peer? in
      let peer = workers[id]!
      guard peer.identity.stage == stage else { return nil }
      return Peers.Peer(identity: peer.identity, data: peer.hello.data, shard: peer.shard)
    }
    send(Peers(stage: stage, peers: peers), to: worker)
  }

  /// A worker asked to go.
  func letGo(_ id: WorkerID) {
    remove(id)
    send(Dismissed(), to: id)
  }

  /// A node says that a process has ended.
  func exited(_ exit: WorkerExited) {
    if let item = exit.item { pin(exit, to: item) }
    for id in exit.workers where workers[id] != nil { lose(id, reason: exit.reason) }
  }

  /// What ended a decode worker is pinned to the clip it was at, though its lease may be long forgotten: the second
  /// crash or loop is a verdict; a wait is transient.
  private func pin(_ exit: WorkerExited, to item: ItemKey) {
    guard let path = (try? workItem(item))?.path else { return }
    let end: String
    switch (exit.signal, exit.hang) {
    case (let signal?, _) where CrashSignals.areVerdicts.contains(signal):
      end = "the decoder crashed twice (\(CrashSignals.name(signal)))"
    case (_, .looping):
      end = "the decoder ran on and on, twice, until decode_limit ended it"
    case (_, .waiting):
      let reason = "\(path): a decode worker waited for it until decode_limit ended it"
      return perform(machine.failed(item, by: nil, .transient(reason: reason), now: Monotonic.seconds()))
    default: return
    }
    ends[item, default: 0] += 1
    guard ends[item]! >= 2 else { return }
    perform(machine.failed(item, by: nil, .verdict(reason: "\(path): \(end)"), now: Monotonic.seconds()))
  }

  /// A worker has said something. After a silence its connection may be another one: it is asked who it is, and hears
  /// again what it may have missed.
  func seen(_ id: WorkerID) {
    let now = Monotonic.seconds()
    let silence = now - workers[id]!.lastSeen
    workers[id]!.lastSeen = now
    if silence > Self.silenceSeconds { send(Introduce(), to: id) }
  }

  private static let silenceSeconds = 4.0

  /// A worker's heartbeat. Nodes get an answer: they watch over the coordinator for their host.
  func heard(_ counters: WorkerCounters, from id: WorkerID) {
    if workers[id]!.identity.role == .node { send(Alive(), to: id) }
    let counters = counters.bounded
    workers[id]!.load.update(counters)
    guard workers[id]!.identity.stage == .decode else { return }
    machine.isAtOneClip(id, seconds: counters.underWay?.seconds ?? 0)
  }

  /// While this process itself stood still it heard nobody: that time counts for no one.
  func findSilentWorkers() {
    let now = Monotonic.seconds()
    let pause = now - (lookedAt ?? now) - Self.tick / .seconds(1)
    lookedAt = now
    if pause > Self.longTick {
      for id in workers.keys { workers[id]!.lastSeen = min(now, workers[id]!.lastSeen + pause) }
    }
    for id in workers.keys.sorted() where now - workers[id]!.lastSeen > topology.lostAfter {
      lose(id, reason: "silent for \(Int(topology.lostAfter)) s")
    }
  }

  /// Seconds that a look may come late.
  private static let longTick = 0.25

  /// What is sent with a revoked key is dropped already; what its workers hold is leased to others.
  func findRevokedWorkers() {
    for id in workers.keys.sorted() where !place.security.accepts(workers[id]!.key, from: .worker) {
      send(Refused(reason: "its key was revoked"), to: id)
      lose(id, reason: "its key was revoked")
    }
  }

  func lose(_ id: WorkerID, reason: String) {
    guard phase != .finished, workers[id]!.identity.role == .stage else { return remove(id) }
    progress.note("lost \(id): \(reason)")
    do throws(PipelineError) {
      try ledger.recordLoss(of: id, reason: reason)
    } catch {
      fail(error)
    }
    remove(id)
  }

  private func remove(_ id: WorkerID) {
    guard let worker = workers.removeValue(forKey: id) else { return }
    guard let stage = worker.identity.stage else { return }
    pastCounters[id] = (stage, worker.counters)
    machine.leave(id, stage: stage)
    for consumer in stage.consumers { sendPeers(of: stage, to: consumer) }
    if stage == .average, let shard = worker.shard { shardLost(shard) }
  }
}

/// Signals by which a decoder says that the bytes it was given broke it.
package enum CrashSignals {
  package static let areVerdicts: Set<Int32> = [4, 6, 7, 8, 11]

  package static func name(_ signal: Int32) -> String {
    switch signal {
    case 4: "SIGILL"
    case 6: "SIGABRT"
    case 7: "SIGBUS"
    case 8: "SIGFPE"
    case 9: "SIGKILL"
    case 11: "SIGSEGV"
    case 15: "SIGTERM"
    default: "signal \(signal)"
    }
  }
}

extension Stage {
  /// Whose output this stage takes.
  var producers: [Stage] {
    switch self {
    case .plan, .decode, .average: []
    case .augment: [.decode]
    case .batch: [.augment]
    case .train: [.batch, .average]
    case .evaluate: [.batch]
    }
  }

  /// Who takes this stage's output.
  var consumers: [Stage] { Stage.allCases.filter { $0.producers.contains(self) } }
}
