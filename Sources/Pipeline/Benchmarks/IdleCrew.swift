import Glibc
import Topology
import Wire
import ZeroMQ

/// Workers of every stage on one thread that answer the coordinator at once and do nothing else: what is leased is accepted, what
/// is collated is trained, what is trained is applied.
actor IdleCrew {
  private nonisolated let thread: SocketThread
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let place: ProcessPlace
  private let join: String
  private let counts: [(stage: Stage, count: Int)]
  private let replicas: Int
  private let batch: Int
  private var links: [WorkerID: ControlLink] = [:]
  private var accepted: [WorkerID: Accepted] = [:]
  private var isReporting = false
  private var trainedInStep: [Int: Int] = [:]

  init(join: String, decode: Int, train: Int, replicas: Int, batch: Int) throws {
    thread = SocketThread(name: "idle-crew")
    place = try ProcessPlace(context: try Context(), host: "here", address: nil)
    self.join = join
    self.replicas = replicas
    self.batch = batch
    counts = [(.average, 1), (.batch, 1), (.augment, 1), (.decode, decode), (.train, train)]
  }

  func start() throws {
    for (stage, count) in counts {
      for ordinal in 0..<count {
        let identity = WorkerIdentity(
          id: "here/\(stage.rawValue)/\(ordinal)#\(getpid())", role: .stage, stage: stage, host: "here",
          processID: getpid(),
          processToken: place.token)
        let link = try ControlLink(
          join: join, identity: identity, context: place.context, security: .none, thread: thread,
          hello: {
            Hello(identity: identity, data: Endpoints(), tap: Endpoints(), fingerprint: nil, shard: nil)
          }, counters: { WorkerCounters() })
        link.onMessage = { [unowned self] kind, envelope in
          assumeIsolated { $0.handle(kind, envelope, of: identity.id) }
        }
        link.onWelcome = { [unowned self] _ in assumeIsolated { $0.flush() } }
        links[identity.id] = link
        link.start()
      }
    }
  }

  func close() { for link in links.values { link.close() } }

  private func handle(_ kind: MessageKind, _ envelope: Envelope, of worker: WorkerID) {
    switch kind {
    case .lease:
      guard let lease = try? LeaseMessage(body: envelope.body) else { return }
      for entry in lease.entries {
        accepted[entry.batch, default: Accepted(keys: [], owners: [])].append(entry.item.key, owner: entry.owner)
      }
      report()
    case .train:
      guard let share = (try? TrainLease(body: envelope.body))?.share else { return }
      trained(share, by: worker)
    case .load:
      guard let load = try? Load(from: envelope) else { return }
      links[worker]?.send(Loaded(shard: 0, version: load.version, error: nil))
    default: break
    }
  }

  /// Together with what comes in at the same moment, as a batch worker does.
  private func report() {
    guard !isReporting else { return }
    isReporting = true
    thread.perform { self.assumeIsolated { $0.flush() } }
  }

  private func flush() {
    isReporting = false
    // The coordinator may lease by way of a batch worker that does not know yet that it is welcome.
    for (worker, message) in accepted where links[worker]?.hasBeenWelcome == true {
      links[worker]?.send(.accepted, message)
      accepted[worker] = nil
    }
  }

  private func trained(_ share: ReplicaShare, by worker: WorkerID) {
    let reports = share.groups(of: ReplicaTree(replicas: replicas)).map {
      TrainedReport(
        group: $0, consumed: .of(group: $0, attempts: Array(repeating: 0, count: batch)), loss: 1, correct: 0,
        seconds: 0)
    }
    links[worker]?.send(.trained, TrainedReports(reports))
    trainedInStep[share.step, default: 0] += reports.count
    guard trainedInStep[share.step] == replicas else { return }
    trainedInStep[share.step] = nil
    links["here/average/0#\(getpid())"]?.send(Applied(shard: 0, version: share.step + 1))
  }
}
