import Corpus
import Foundation
import Glibc
import Networks
import Topology
import Wire
package import ZeroMQ

/// The coordinator: performs what the run machine decides. Holds the run directory's lock, the plan and the ledger;
/// every worker talks to it, no data goes through it.
package actor Coordinator {
  /// What it does at the moment.
  enum Phase: Equatable {
    /// Some shard is not there.
    case waiting
    /// Shards were told to load a version; these have not said they did.
    case loading(version: Int, missing: Set<Int>)
    case running
    case finished
  }

  struct Worker {
    var hello: Hello
    var shard: Int?
    var load = WorkerLoad()
    var lastSeen: Double
    /// The public key it came in with; nil where that was not asked for.
    var key: String?
    var identity: WorkerIdentity { hello.identity }
    var counters: WorkerCounters { load.counters }
  }

  nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  let directory: RunDirectory
  let topology: Topology
  let identity: RunDirectory.Identity
  let lock: RunDirectory.Lock
  let corpus: Corpus
  let items: ItemSource
  let ahead: ItemsAhead
  let ledger: Ledger
  let layout: ParameterLayout
  let evaluationVideos: [VideoRecord]
  /// The clips of the video that was leased last for evaluation.
  var evaluated: (group: GroupKey, items: [WorkItem])?
  let progress: ProgressReporter
  let startedAt = Monotonic.seconds()

  var machine: RunMachine
  var stamp: RunStamp
  var phase = Phase.waiting
  var workers: [WorkerID: Worker] = [:]
  /// What each shard holds, as far as it has said.
  var shardVersions: [Int: Int] = [:]
  /// Where gradients are clipped: what shards measured, and the newest answer.
  var norms: GradientNorms
  var clipScale: ClipScale?
  /// Decode workers that crashed or looped at a clip.
  var ends: [ItemKey: Int] = [:]
  /// What shards were told to load last.
  var load: Load?
  var checkpointFiles: [Int: [Checkpoint.Manifest.File]] = [:]
  /// The version of the newest whole checkpoint.
  var checkpointed: Int?
  /// The newest version whose checkpoint could not be written.
  var abandoned = -1
  /// When the last checkpoint of the run failed first.
  var lastFailedAt: Double?
  /// What the machine decided and is not done yet; more than nothing only while the disk is full.
  var undone: [RunMachine.Action] = []
  var room = RoomOnDisk()
  let metrics: MetricsLog
  /// Until when this session's seconds are in the ledger.
  var countedAt = Monotonic.seconds()
  /// Whether this session's duplicates are in the ledger.
  var isCounted = false
  var labelAccuracy: [RunReport.LabelAccuracy] = []
  var stopRequested = false
  /// When a batch worker last got a clip, or the run was asked to stop.
  var lastAcceptedAt = Monotonic.seconds()
  /// Totals of workers that have gone, by stage; the live ones' are in `workers`.
  var pastCounters: [WorkerID: (stage: Stage, counters: WorkerCounters)] = [:]
  /// Rounds trained and videos scored, by worker: heartbeats lag behind.
  var reportsDone: [WorkerID: Int] = [:]
  var expiredReported = 0
  var autoscaler: Autoscaler
  var autoscaledAt = 0.0
  /// Since when the run goes on and its nodes may be here.
  var nodesAwaitedSince: Double?
  /// The incarnation that training has begun in.
  var begunIncarnation: UInt64?
  /// When it last looked for silent workers.
  var lookedAt: Double?
  var lastAutoscale: String?
  var clipRate = RecentRate()
  var lastLoss: Double?
  private var router: Socket!
  private var clients: Socket!
  let tap: TapPublisher
  let place: ProcessPlace
  private var finishedAt = 0.0
  /// It was asked to stop while it was away: when it does at the latest.
  var leavesBy: Double?
  private var isClosed = false
  /// Workers whose place another process has taken.
  var replaced: Set<WorkerID> = []
  private var outcome: Result<RunReport, PipelineError>?
  private var waiter: CheckedContinuation<RunReport, any Error>?

  static let tick = Duration.milliseconds(50)
  private static let reminder = Duration.seconds(5)
  private static let farewellInterval = Duration.milliseconds(200)
  private static let farewellSeconds = 20.0
  private static let maxReportBytes: Int64 = 16 << 20
  private static let maxRequestBytes: Int64 = 1 << 16

  /// Opens the run in `directory`, new or not.
  /// - Parameters:
  ///   - stopAfter: ends this session after so many steps in all.
  /// - Throws: when the directory is locked, the corpus is missing or not the run's, the ledger cannot be opened.
  package init(
    directory: RunDirectory, stopAfter: Int?, context: Context, progress: ProgressReporter = ProgressReporter()
  ) throws {
    self.directory = directory
    self.progress = progress
    lock = try directory.lock(patienceSeconds: RunDirectory.patienceSeconds)
    identity = try directory.identity()
    var topology = try directory.storedTopology()
    corpus = try Corpus(directory: topology.corpus, subset: topology.subset)
    try corpus.requireProbed()
    items = try ItemSource(topology: topology, corpus: corpus)
    topology.train.steps = topology.train.steps(epochLength: items.plan.epochLength)
    self.topology = topology
    ledger = try Ledger(path: directory.ledgerPath)
    metrics = MetricsLog(path: directory.metricsPath)
    let train = topology.train
    let definition = try NetworkDefinition(
      name: train.network, classes: corpus.labels.count, width: train.width)
    try definition.checkTraining(batch: train.batch, frames: topology.clip.frames, size: topology.clip.crop)
    if train.weights != nil, Checkpoint.all(in: directory.path).isEmpty {
      // Shards load them, too; what is wrong with them is said before anything starts.
      _ = try InitialModel.vector(topology: topology, classes: corpus.labels.count, labels: corpus.labels)
    }
    layout = try ParameterLayout(definition)
    norms = GradientNorms(map: BlockMap(elements: layout.count, shards: topology.count(.average)))
    evaluationVideos = try Self.evaluationVideos(topology, corpus)
    machine = RunMachine(settings: Self.settings(topology, videos: evaluationVideos.count))
    ahead = ItemsAhead(items, settings: machine.settings)
    if let stopAfter { machine.stop(at: stopAfter) }
    autoscaler = Autoscaler(limits: topology.autoscale)
    let begun = try ledger.beginIncarnation("coordinator started")
    if begun.predecessorDied { try ledger.recordLoss(of: "coordinator", reason: "ended without a word") }
    stamp = RunStamp(run: identity.run, incarnation: begun.number)
    thread = SocketThread(name: "coordinator")
    let host = topology.coordinator
    place = try ProcessPlace(
      context: context, host: host.name, address: topology.hosts.count > 1 ? host.address : nil,
      security: RunSecurity(SecuritySetting(topology), role: .coordinator))
    tap = try TapPublisher(stage: Stage.plan.rawValue, worker: "\(host.name)/plan", place: place, thread: thread)
  }

  private static func evaluationVideos(_ topology: Topology, _ corpus: Corpus) throws -> [VideoRecord] {
    guard let evaluate = topology.evaluate else { return [] }
    guard let split = Split(rawValue: evaluate.split) else {
      throw PipelineError(.configuration, "evaluate.split: \(evaluate.split) is not a split")
    }
    let videos = try corpus.videos(split: split)
    guard !videos.isEmpty else {
      throw PipelineError(
        .configuration, "\(topology.corpus): no video in the split \(evaluate.split) that evaluate.split names")
    }
    return videos
  }

  private static func settings(_ topology: Topology, videos: Int) -> RunMachine.Settings {
    let train = topology.train
    var settings = RunMachine.Settings(
      replicas: train.replicas, batch: train.clipsPerReplica, inFlightRounds: topology.inFlight,
      shards: topology.count(.average), finalVersion: train.steps!)
    if let evaluate = topology.evaluate {
      settings.evaluation = (videos: videos, clips: evaluate.clips)
      settings.evaluateEvery = evaluate.every
    }
    // What is rounded is rounded replica by replica.
    settings.sumsSubTrees = train.transfer == .float32
    settings.window.deadlineFloorSeconds = topology.leaseFloor
    settings.window.lease(
      clipsInFlight: topology.inFlight * train.clipsPerStep, decoders: topology.count(.decode))
    settings.window.transientRetries = topology.transientRetries
    settings.window.echo = topology.clip.echo
    settings.window.substitutesTransients = topology.onTransient == .substitute
    return settings
  }

  /// Runs until training is done, stopped or failed.
  package func run() async throws -> RunReport {
    do {
      try listen()
    } catch {
      close("failed: \(error)")
      throw error
    }
    thread.watch(router) { self.drain() }
    thread.watch(clients) { self.drainClients() }
    tap.start()
    scheduleTick()
    scheduleReminder()
    checkpointed = Checkpoint.all(in: directory.path).last?.manifest.version
    Checkpoint.removePartial(in: directory.path)
    return try await withCheckedThrowingContinuation { continuation in
      if let outcome { continuation.resume(with: outcome.mapError { $0 as any Error }) } else { waiter = continuation }
    }
  }

  /// Finishes the open step, writes a checkpoint and ends.
  package func stop() {
    guard !stopRequested else { return }
    stopRequested = true
    lastAcceptedAt = Monotonic.seconds()
    machine.stopEarly()
    // Before `run` there is nobody to talk to; its first tick advances.
    if waiter != nil { advance() }
  }

  private func listen() throws {
    router = try Socket(.router, in: place.context, options: .requests(maxBytes: Self.maxReportBytes))
    clients = try Socket(.router, in: place.context, options: .requests(maxBytes: Self.maxRequestBytes))
    tap.directory = { self.tapDirectory() }
    for doors in [Doors(identity.control), topology.coordinatorEndpoint.flatMap { Doors($0) }].compactMap({ $0 }) {
      _ = try place.bind(router, to: doors.workers, for: .worker)
      _ = try place.bind(clients, to: doors.clients, for: .operator)
      try tap.open(doors.taps)
    }
  }

  private func scheduleTick() {
    _ = thread.schedule(after: Self.tick) {
      guard self.outcome == nil else { return }
      self.findSilentWorkers()
      self.findRevokedWorkers()
      self.autoscale()
      self.leaveOnceHeard()
      self.advance()
      self.scheduleTick()
    }
  }

  private func scheduleReminder() {
    _ = thread.schedule(after: Self.reminder) {
      guard self.outcome == nil else { return }
      self.remind()
      self.remindOfLoading()
      self.scheduleReminder()
    }
  }

  // MARK: Messages

  private func drain() {
    while !isClosed, let message = try? router.receive() {
      guard place.security.accepts(message, from: .worker), message.parts.count == 2,
        let envelope = try? message.parts[1].withUnsafeBytes(Envelope.decode), let kind = envelope.messageKind
      else { continue }
      let sender = String(decoding: message.parts[0].array, as: UTF8.self)
      if kind == .hello {
        hello(envelope, from: sender, key: message.sender)
      } else {
        receive(kind, envelope, from: sender)
      }
    }
    advance()
  }

  /// Requests of `status` and `scale` come in on a socket of their own: a worker's key does not open it.
  private func drainClients() {
    while outcome == nil, let message = try? clients.receive() {
      guard place.security.accepts(message, from: .operator), message.parts.count == 2,
        let envelope = try? message.parts[1].withUnsafeBytes(Envelope.decode), envelope.messageKind == .request,
        let reply = answer(envelope)
      else { continue }
      _ = try? clients.send(Multipart(message.parts[0], MessagePart(bytes: reply.envelope(stamp).encoded())))
    }
  }

  private func receive(_ kind: MessageKind, _ envelope: Envelope, from sender: WorkerID) {
    guard outcome == nil else {
      // Only farewells count now.
      guard kind == .leaving, let worker = workers.removeValue(forKey: sender) else { return }
      if worker.identity.role == .stage { send(Dismissed(), to: sender) }
      return
    }
    switch kind {
    case .workerExited:
      guard envelope.run == stamp.run, let exit = try? WorkerExited(from: envelope) else { return }
      exited(exit)
    default:
      guard envelope.run == stamp.run, workers[sender] != nil else {
        send(Introduce(), to: sender)
        return
      }
      seen(sender)
      switch kind {
      case .heartbeat: if let beat = try? Heartbeat(from: envelope) { heard(beat.counters, from: sender) }
      case .leaving: letGo(sender)
      default:
        // Anything else belongs to one incarnation.
        guard envelope.incarnation == stamp.incarnation else { return }
        report(kind, envelope, from: sender)
      }
    }
  }

  func send(_ message: some ControlMessage, to worker: WorkerID) { send(message.envelope(stamp), to: worker) }

  func send(_ kind: MessageKind, _ body: some WireCodable, to worker: WorkerID) {
    send(Envelope(kind, stamp: stamp, body: body.encodedBody), to: worker)
  }

  func send(_ envelope: Envelope, to worker: WorkerID) {
    // A worker that is not connected is found silent, or comes back and says hello.
    _ = try? router.send(
      Multipart(MessagePart(bytes: Array(worker.utf8)), MessagePart(bytes: envelope.encoded())))
  }

  func broadcast(_ message: some ControlMessage, to stages: Set<Stage>) {
    for worker in workers.keys.sorted() {
      guard let stage = workers[worker]!.identity.stage, stages.contains(stage) else { continue }
      send(message, to: worker)
    }
  }

  // MARK: End

  /// Ends the incarnation with a word, and leaves the ledger as one file; the error that led here is the one to report.
  private func close(_ ending: String) {
    try? ledger.endIncarnation(stamp.incarnation, ending)
    ledger.close()
  }

  /// Ends the run with an error; workers are let go. For want of room on its disk this process alone ends: it is started
  /// again until there is room, and finds the workers where they are.
  func fail(_ error: PipelineError) {
    guard error.code == .diskFull, outcome == nil else { return finish(.failure(error)) }
    outcome = .failure(error)
    phase = .finished
    isClosed = true
    _ = thread.schedule(after: .zero) { self.end(.failure(error)) }
  }

  func finish(_ result: Result<RunReport, PipelineError>) {
    guard outcome == nil else { return }
    outcome = result
    phase = .finished
    finishedAt = Monotonic.seconds()
    for worker in workers.keys.sorted() { send(Dismissed(), to: worker) }
    // Linger is 0: the farewell gets a moment to leave before the sockets close.
    scheduleEnd(result)
  }

  /// Nodes of other hosts answer the farewell. It is said again until they have, or have been silent for too long: a
  /// link may be down at just this moment.
  private func scheduleEnd(_ result: Result<RunReport, PipelineError>) {
    _ = thread.schedule(after: Self.farewellInterval) {
      let nodes = self.nodesToDismiss()
      if !nodes.isEmpty, Monotonic.seconds() - self.finishedAt < Self.farewellSeconds {
        for node in nodes { self.send(Dismissed(), to: node) }
        return self.scheduleEnd(result)
      }
      self.end(result)
    }
  }

  private func end(_ result: Result<RunReport, PipelineError>) {
    isClosed = true
    for socket in [router!, clients!] {
      thread.unwatch(socket)
      socket.close()
    }
    tap.close()
    ahead.stop()
    if case .failure(let error) = result { close("failed: \(error)") } else { ledger.close() }
    waiter?.resume(with: result.mapError { $0 as any Error })
    waiter = nil
  }

  private func nodesToDismiss() -> [WorkerID] {
    workers.keys.sorted().filter { id in
      let worker = workers[id]!
      return worker.identity.role == .node && worker.identity.host != topology.coordinator.name
        && finishedAt - worker.lastSeen < Self.farewellSeconds
    }
  }
}
