import Topology
import Wire
import ZeroMQ

/// The coordinator's part in `bench average`: welcomes everyone, commits what all shards have applied, and takes the time.
actor AverageReferee {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  struct Outcome: Sendable {
    /// When all workers had version 0, 1, …
    var times: [Double]
    /// Of each training worker and version: seconds of its step, and of one without averaging.
    var steps: [(averaged: Double, alone: Double)]
  }

  private let socket: Socket
  private let workers: Int
  private let shards: Int
  private let lastVersion: Int
  private let topology: String
  private var hellos: [WorkerID: Hello] = [:]
  private var shardOf: [WorkerID: Int] = [:]
  private var loaded: Set<Int> = []
  private var applied: [Int: Set<Int>] = [:]
  /// By version: the workers that hold it, and the digest of its elements where they were hashed.
  private var holders: [Int: Set<Int>] = [:]
  private var digests: Set<UInt64> = []
  private var times: [Double] = []
  private var steps: [(averaged: Double, alone: Double)] = []
  private var outcome: Result<Outcome, PipelineError>?
  private var waiter: CheckedContinuation<Outcome, any Error>?

  init(control: String, workers: Int, shards: Int, lastVersion: Int, topology: String) throws {
    self.workers = workers
    self.shards = shards
    self.lastVersion = lastVersion
    self.topology = topology
    thread = SocketThread(name: "referee")
    socket = try Socket(.router, in: try Context())
    _ = try socket.bind(control)
  }

  func start() { thread.watch(socket) { self.assumeIsolated { $0.drain() } } }

  func result() async throws -> Outcome {
    try await withCheckedThrowingContinuation { continuation in
      if let outcome { continuation.resume(with: outcome) } else { waiter = continuation }
    }
  }

  func ended(_ exit: ChildExit) {
    finish(.failure(PipelineError(.worker, "a process ended early: \(exit.description)")))
  }

  private func finish(_ result: Result<Outcome, PipelineError>) {
    guard outcome == nil else { return }
    outcome = result
    thread.unwatch(socket)
    socket.close()
    waiter?.resume(with: result.mapError { $0 as any Error })
    waiter = nil
  }

  private func drain() {
    while outcome == nil, let message = try? socket.receive(), message.parts.count == 2,
      let envelope = try? message.parts[1].withUnsafeBytes(Envelope.decode)
    {
      receive(envelope, from: String(decoding: message.parts[0].array, as: UTF8.self))
    }
  }

  private func receive(_ envelope: Envelope, from sender: WorkerID) {
    switch envelope.messageKind {
    case .hello:
      guard hellos[sender] == nil, let hello = try? Hello(from: envelope) else { return }
      hellos[sender] = hello
      if hellos.count == workers + shards { begin() }
    case .loaded:
      guard let message = try? Loaded(from: envelope), loaded.insert(message.shard).inserted else { return }
      if loaded.count == shards { broadcast(Commit(version: 0, checkpoint: false)) }
    case .applied:
      guard let message = try? Applied(from: envelope), message.version > 0 else { return }
      applied[message.version, default: []].insert(message.shard)
      if applied[message.version]!.count == shards { broadcast(Commit(version: message.version, checkpoint: false)) }
    case .trained:
      if let round = try? BenchmarkRound(from: envelope) { holds(round) }
    default: break
    }
  }

  private func begin() {
    for (shard, id) in hellos.keys.filter({ hellos[$0]!.identity.stage == .average }).sorted().enumerated() {
      shardOf[id] = shard
    }
    for id in hellos.keys.sorted() {
      send(Welcome(topology: topology, classes: 1, directory: "", shard: shardOf[id], shards: shards), to: id)
    }
    let peers = shardOf.keys.sorted().map {
      Peers.Peer(identity: hellos[$0]!.identity, data: hellos[$0]!.data, shard: shardOf[$0])
    }
    broadcast(Peers(stage: .average, peers: peers))
    broadcast(Load(version: 0, checkpoint: nil))
  }

  private func holds(_ round: BenchmarkRound) {
    let version = round.version
    holders[version, default: []].insert(round.worker)
    if let digest = round.digest { digests.insert(digest) }
    if let seconds = round.seconds, let alone = round.secondsAlone { steps.append((seconds, alone)) }
    guard holders[version]!.count == workers else { return }
    times.append(Monotonic.seconds())
    guard version == lastVersion else { return }
    finish(
      digests.count == 1
        ? .success(Outcome(times: times, steps: steps))
        : .failure(PipelineError(.worker, "the workers ended with different parameters")))
  }

  /// Nobody minds a message that is not for its stage.
  private func broadcast(_ message: some ControlMessage) {
    for id in hellos.keys.sorted() { send(message, to: id) }
  }

  private func send(_ message: some ControlMessage, to worker: WorkerID) {
    _ = try? socket.send(
      Multipart(
        MessagePart(bytes: Array(worker.utf8)), MessagePart(bytes: message.envelope(benchmarkStamp).encoded())))
  }
}
