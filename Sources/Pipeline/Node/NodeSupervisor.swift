import Foundation
import Glibc
package import Topology
import Wire
package import ZeroMQ

/// One host's supervisor: a process for each stage worker, restarted when it dies, drained on demand.
package actor NodeSupervisor {
  /// How it ended.
  package enum End: Sendable, Equatable {
    case finished
    case failed(String)
    /// A single worker of which the run was to have fewer.
    case scaledAway
  }

  /// A place for one worker process.
  private struct Slot {
    var stages: [Stage]
    var ordinal: Int
    var child: ChildProcess?
    var mark: CrashMark?
    var startedAt = 0.0
    var quickDeaths = 0
    var isWanted = true
  }

  nonisolated let thread: SocketThread
  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  private let host: Topology.Host
  private let join: String
  private let bindAddress: String?
  private let security: SecuritySetting
  private let executable: String
  private let lifeline: Lifeline
  private let context: Context
  private let singleOrdinal: Int?
  private var link: ControlLink!
  private var slots: [String: Slot] = [:]
  /// By stage: what it was told to run.
  private var counts: [Stage: Int] = [:]
  private var isDraining = false
  /// The run let it go, or refused it.
  private var isDismissed = false
  private var isLeaving = false
  private var ended: End?
  private var waiter: CheckedContinuation<End, Never>?

  private static let quickSeconds = 10.0
  private static let quickDeathsLimit = 10
  private static let killAfter = Duration.seconds(10)
  /// How long to wait for an answer to the farewell.
  private static let farewell = Duration.milliseconds(500)

  /// - Parameters:
  ///   - bindAddress: what workers bind tcp on; nil when no peer is on another host.
  ///   - singleOrdinal: the number of its only worker, which is one more than the topology has; nil for a host's workers.
  package init(
    host: Topology.Host, join: String, bindAddress: String?, security: SecuritySetting, executable: String,
    lifeline: Lifeline, context: Context, singleOrdinal: Int? = nil
  ) {
    self.singleOrdinal = singleOrdinal
    self.security = security
    self.host = host
    self.join = join
    self.bindAddress = bindAddress
    self.executable = executable
    self.lifeline = lifeline
    self.context = context
    thread = SocketThread(name: "node")
  }

  /// Runs the host's workers until the run is over or `drain` is called.
  package func run() async throws -> End {
    let identity = WorkerIdentity(
      id: "\(host.name)/node#\(getpid())", role: .node, stage: nil, host: host.name, processID: getpid(),
      processToken: "")
    link = try ControlLink(
      join: join, identity: identity, context: context,
      security: RunSecurity(security, role: .worker, host: host.name), thread: thread,
      hello: { self.hello(identity) },
      counters: {
        var counters = WorkerCounters()
        counters.residentBytes = residentBytes()
        return counters
      })
    link.onRefused = {
      self.isDismissed = true
      self.fail("\(self.host.name): \($0)")
    }
    link.onMessage = { kind, envelope in self.handle(kind, envelope) }
    // Beside its own coordinator it hears of that one's end.
    link.onSilence = { [host, join] seconds in
      guard !host.coordinator else { return }
      guard !self.link.hasBeenWelcome else {
        return self.say("the coordinator at \(join) has been silent for \(seconds) s; workers wait for it")
      }
      self.say("no coordinator at \(join) yet\(self.otherReason), after \(seconds) s; still trying")
    }
    link.onWord = { self.say("the coordinator at \(self.join) is back") }
    for (stages, count) in host.processes { setCount(stages, count) }
    link.start()
    let end = await withCheckedContinuation { continuation in
      if let ended { continuation.resume(returning: ended) } else { waiter = continuation }
    }
    link.close()
    return end
  }

  /// Why a coordinator that is there might not answer; a topology says itself whether keys are needed.
  private var otherReason: String {
    if security.scope != .none { return ", or it refuses this host's key" }
    return singleOrdinal == nil ? "" : SecuritySetting.keysMayBeNeeded
  }

  private func hello(_ identity: WorkerIdentity) -> Hello {
    let names = counts.map { ($0.key.rawValue, $0.value) }
    return Hello(
      identity: identity, data: Endpoints(), tap: Endpoints(),
      node: NodeWorkers(counts: Dictionary(uniqueKeysWithValues: names), isSingle: singleOrdinal != nil))
  }

  private func say(_ text: String) { FileHandle.standardError.write(Data("\(host.name): \(text)\n".utf8)) }

  /// Lets every worker finish what it has and ends.
  package func drain() {
    guard !isDraining else { return killAll() }
    isDraining = true
    for key in slots.keys { retire(key) }
    endIfIdle()
  }

  package func killAll() {
    for slot in slots.values { slot.child?.send(signal: SIGKILL) }
  }

  private func handle(_ kind: MessageKind, _ envelope: Envelope) {
    switch kind {
    case .dismissed:
      isDismissed = true
      if isLeaving { return finish() }
      // Said again until it is answered.
      link.send(Leaving())
      if !isDraining { drain() }
    case .scaleTo:
      guard let scale = try? ScaleTo(from: envelope) else { return }
      guard singleOrdinal == nil else { return scaleSingle(scale) }
      for (name, count) in scale.counts.sorted(by: { $0.key < $1.key }) {
        guard let stage = Stage(rawValue: name) else { continue }
        let group = host.processes.first { $0.stages.contains(stage) } ?? ([stage], 0)
        // Shards are fixed: train workers beyond those that hold one are without.
        if group.stages.contains(.average) {
          setCount(group.stages.filter { $0 != .average }, max(0, count - group.count), after: group.count)
        } else {
          setCount(group.stages, count)
        }
      }
      link.sayHello()
    default: break
    }
  }

  private func scaleSingle(_ scale: ScaleTo) {
    guard let stage = host.counts.first?.key, scale.counts[stage.rawValue] == 0, !isDraining else { return }
    say("leaves the run, which is to have fewer \(stage.rawValue) workers (`sluice scale` or `autoscale`)")
    ended = .scaledAway
    drain()
  }

  /// - Parameter others: workers of these stages that are counted elsewhere and have the first numbers: a number is the
  ///   place of one worker.
  private func setCount(_ stages: [Stage], _ count: Int, after others: Int = 0) {
    guard !isDraining else { return }
    for stage in stages { counts[stage] = others + count }
    let name = stages.map(\.rawValue).joined(separator: "+")
    let first = (singleOrdinal ?? 0) + others
    for ordinal in first..<(first + count) {
      let key = "\(name)/\(ordinal)"
      guard slots[key]?.isWanted != true else { continue }
      slots[key] = slots[key] ?? Slot(stages: stages, ordinal: ordinal)
      slots[key]!.isWanted = true
      if slots[key]!.child == nil { start(key) }
    }
    for key in slots.keys.sorted() {
      guard slots[key]!.stages == stages, slots[key]!.ordinal >= first + count else { continue }
      retire(key)
    }
  }

  // MARK: Processes

  private func start(_ key: String) {
    guard let slot = slots[key], !isDraining, slot.isWanted, slot.child == nil else { return }
    do throws(PipelineError) {
      let mark = slot.stages.contains(.decode) ? try CrashMark() : nil
      let child = try ChildProcess(
        executable: executable, arguments: arguments(of: slot, mark), lifeline: lifeline
      ) { exit in
        self.thread.perform { self.assumeIsolated { $0.exited(key, exit) } }
      }
      slots[key]!.child = child
      slots[key]!.mark = mark
      slots[key]!.startedAt = Monotonic.seconds()
    } catch {
      fail(error.message)
    }
  }

  private func arguments(of slot: Slot, _ mark: CrashMark?) -> [String] {
    let stages = slot.stages.map(\.rawValue).joined(separator: ",")
    var words = ["stage", "--stages", stages, "--join", join, "--host", host.name, "--ordinal", String(slot.ordinal)]
    if let keys = security.keys { words += ["--keys", keys, "--security", security.scope.rawValue] }
    if let bindAddress { words += ["--address", bindAddress] }
    if let mark { words += ["--crash-mark", mark.path] }
    let isPreparation = slot.stages.allSatisfy { $0 == .decode || $0 == .augment }
    if isPreparation, host.count(.train) > 0 { words += ["--nice", String(Niceness.ofPreparation)] }
    return words
  }

  private func retire(_ key: String) {
    guard let slot = slots[key] else { return }
    slots[key]!.isWanted = false
    guard let child = slot.child else {
      slots[key] = nil
      return
    }
    child.send(signal: Signals.leave)
    _ = thread.schedule(after: Self.killAfter) { child.send(signal: SIGKILL) }
  }

  private func exited(_ key: String, _ exit: ChildExit) {
    guard let slot = slots[key], let child = slot.child else { return }
    slots[key]!.child = nil
    let item = slot.mark?.read()
    let workers = slot.stages.map { "\(host.name)/\($0.rawValue)/\(slot.ordinal)#\(child.processID)" }
    let hang = exit.signal == nil ? Hang(status: exit.status) : nil
    let reason = (hang == nil ? exit.description : "hung") + (item.map { " while decoding \($0)" } ?? "")
    link.send(WorkerExited(workers: workers, reason: reason, signal: exit.signal, hang: hang, item: item))
    guard slot.isWanted, !isDraining else {
      if !slot.isWanted { slots[key] = nil }
      return endIfIdle()
    }
    if exit.status == StageProcess.refusedStatus {
      return fail("\(host.name)/\(key) was refused, see its message above")
    }
    let isItems = item != nil && (hang != nil || exit.signal.map(CrashSignals.areVerdicts.contains) == true)
    let isQuick = Monotonic.seconds() - slot.startedAt < Self.quickSeconds
    slots[key]!.quickDeaths = isItems ? slot.quickDeaths : isQuick ? slot.quickDeaths + 1 : 0
    guard slots[key]!.quickDeaths < Self.quickDeathsLimit else {
      return fail("\(host.name)/\(key) died \(Self.quickDeathsLimit) times in a row: \(exit.description)")
    }
    let wait = min(5000, 50 << min(slots[key]!.quickDeaths, 7))
    _ = thread.schedule(after: .milliseconds(wait)) { self.start(key) }
  }

  // MARK: End

  private func fail(_ reason: String) {
    if ended == nil { ended = .failed(reason) }
    if !isDraining { drain() } else { endIfIdle() }
  }

  private func endIfIdle() {
    guard isDraining, slots.values.allSatisfy({ $0.child == nil }) else { return }
    guard !isDismissed, !isLeaving, link.hasBeenWelcome else {
      if !isLeaving { finish() }
      return
    }
    // The run goes on without this node; it is not to count on it, and answers. It may be gone itself.
    isLeaving = true
    link.send(Leaving())
    _ = thread.schedule(after: Self.farewell) { self.finish() }
  }

  private func finish() {
    let end = ended ?? .finished
    ended = end
    waiter?.resume(returning: end)
    waiter = nil
  }
}
