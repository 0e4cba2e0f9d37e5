import Foundation
import Glibc
package import Topology
package import Wire
package import ZeroMQ

/// How a stage worker starts: where the coordinator is, who it is, where it lives.
package struct StageLaunch: Sendable {
  package var join: String
  package var place: ProcessPlace
  /// Distinguishes workers of one host and stage.
  package var ordinal: String
  /// Where a decode worker marks the clip it is at.
  package var crashMark: CrashMark?
  package var faults: FaultPoints
  /// A shard of a benchmark: a vector of so many elements instead of the network's.
  package var elements: Int?

  package init(
    join: String, place: ProcessPlace, ordinal: String, crashMark: CrashMark? = nil, faults: FaultPoints = .none,
    elements: Int? = nil
  ) {
    self.elements = elements
    self.join = join
    self.place = place
    self.ordinal = ordinal
    self.crashMark = crashMark
    self.faults = faults
  }
}

/// What the coordinator told the worker about the run.
package struct StageConfiguration: Sendable {
  package let topology: Topology
  package let classes: Int
  package let directory: String
  package let shard: Int?
  package let shards: Int

  init(_ welcome: Welcome) throws(TopologyError) {
    topology = try Topology.parse(welcome.topology, file: "the coordinator's topology", overrides: [])
    classes = welcome.classes
    directory = welcome.directory
    shard = welcome.shard
    shards = welcome.shards
  }
}

/// How a stage worker's life ended.
package enum StageEnd: Sendable, Equatable {
  case dismissed
  case refused(String)
}

/// A stage: an actor whose executor is its socket thread.
package protocol StageActor: Actor {
  /// Binds, says hello, works until the end.
  func run() async throws -> StageEnd
  /// Asks the coordinator to be let go.
  func leave()
}

/// What every stage worker has: its identity, control link, output edge, tap and counters. Lives on the socket thread.
package final class StageCore {
  package let identity: WorkerIdentity
  package let launch: StageLaunch
  package let thread: SocketThread
  package let output: ProducerEdge?
  package let tap: TapPublisher
  package private(set) var link: ControlLink!
  package private(set) var configuration: StageConfiguration?
  package var counters = WorkerCounters()
  /// Times what is done on the stage's work thread.
  package let clock = WorkClock()
  /// A clip that takes long, for `status`.
  package var underWay: () -> WorkerCounters.UnderWay? = { nil }
  /// What `hello` says beyond identity and endpoints.
  package var fingerprint: Fingerprint?
  package var shardState: () -> ShardState? = { nil }

  /// A new run or incarnation: forget what belonged to an earlier one.
  package var onConfigure: (StageConfiguration) -> Void = { _ in }
  package var onMessage: (MessageKind, Envelope) -> Void = { _, _ in }
  /// By host, since the worker was configured.
  private var links: [String: OutgoingLink] = [:]
  private var finish: CheckedContinuation<StageEnd, Never>?
  private var ended: StageEnd?
  private let startedAt = Monotonic.seconds()

  package init(
    stage: Stage, launch: StageLaunch, thread: SocketThread, produces: Bool
  ) throws(ZeroMQError) {
    self.launch = launch
    self.thread = thread
    let place = launch.place
    identity = WorkerIdentity(
      id: "\(place.host)/\(stage.rawValue)/\(launch.ordinal)#\(getpid())", role: .stage, stage: stage,
      host: place.host, processID: getpid(), processToken: place.token)
    let socketName = "\(stage.rawValue)-\(launch.ordinal)"
    output = produces ? try ProducerEdge(name: socketName, place: place, thread: thread) : nil
    tap = try TapPublisher(stage: stage.rawValue, worker: identity.id, place: place, thread: thread)
    link = try ControlLink(
      join: launch.join, identity: identity, context: place.context, security: place.security, thread: thread,
      hello: { [unowned self] in hello() }, counters: { [unowned self] in currentCounters() })
    link.onWelcome = { [unowned self] in welcomed($0) }
    link.onRefused = { [unowned self] in end(.refused($0)) }
    link.onMessage = { [unowned self] kind, envelope in
      if kind == .dismissed { end(.dismissed) } else { onMessage(kind, envelope) }
    }
  }

  package func start() {
    output?.start()
    tap.start()
    link.start()
  }

  /// Resumes once the worker has been dismissed or refused.
  package func waitForEnd(_ continuation: CheckedContinuation<StageEnd, Never>) {
    if let ended { continuation.resume(returning: ended) } else { finish = continuation }
  }

  package func close() {
    link.close()
    output?.close()
    tap.close()
  }

  /// Asks to be let go; who was never welcome has nobody to ask.
  package func leave() {
    link.send(Leaving())
    if !link.hasBeenWelcome { end(.dismissed) }
  }

  package func end(_ end: StageEnd) {
    guard ended == nil else { return }
    ended = end
    finish?.resume(returning: end)
    finish = nil
  }

  package var stamp: RunStamp { link.stamp }

  /// The link to `worker`'s host.
  package func link(to worker: WorkerID) -> OutgoingLink {
    let host = String(worker.prefix { $0 != "/" })
    if let link = links[host] { return link }
    let compression = host == identity.host ? nil : configuration?.topology.links.compression
    let link = OutgoingLink(host: host, compression: compression)
    links[host] = link
    return link
  }

  /// Whether a worker lives in this process: what it sends needs no checksum.
  package func isInProcess(_ worker: WorkerID) -> Bool {
    worker.hasPrefix("\(identity.host)/") && worker.hasSuffix("#\(identity.processID)")
  }

  /// The process of a worker of this host whose memory may be readable; nil for this process itself and other hosts.
  package func neighbor(_ worker: WorkerID) -> Int32? {
    guard !isInProcess(worker), worker.hasPrefix("\(identity.host)/") else { return nil }
    return worker.split(separator: "#").last.flatMap { Int32($0) }
  }

  private func hello() -> Hello {
    Hello(
      identity: identity, data: output?.endpoints ?? Endpoints(), tap: tap.endpoints, fingerprint: fingerprint,
      shard: shardState())
  }

  private func welcomed(_ welcome: Welcome) {
    do {
      let configuration = try StageConfiguration(welcome)
      self.configuration = configuration
      links = [:]
      onConfigure(configuration)
    } catch {
      end(.refused("the coordinator's topology cannot be read here: \(error)"))
    }
  }

  private func currentCounters() -> WorkerCounters {
    var counters = counters
    counters.aliveSeconds = Monotonic.seconds() - startedAt
    counters.busySeconds += clock.busySeconds
    counters.underWay = underWay()
    counters.staleDropped += link.staleDropped
    counters.malformedDropped += link.malformedDropped + (output?.malformedDropped ?? 0)
    counters.bytesOut = output?.bytesOut ?? 0
    counters.residentBytes = residentBytes()
    counters.cpuSeconds = Monotonic.processorSeconds()
    counters.coreWaitSeconds = coreWaitSeconds()
    let loads = links.values.map(\.load).sorted { $0.host < $1.host }
    counters.links = loads.isEmpty ? nil : loads
    return counters
  }
}

/// Resident set of this process in bytes, 0 if the kernel does not say.
package func residentBytes() -> Int {
  guard let statm = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
  let fields = statm.split(separator: " ")
  guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
  return pages * sysconf(Int32(_SC_PAGESIZE))
}

/// Resident bytes of this process that are not pages of files, 0 if the kernel does not say.
package func ownResidentBytes() -> Int {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
  return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) << 10
}

/// Seconds that the threads of this process were ready to run and waited for a core, 0 if the kernel does not say.
package func coreWaitSeconds() -> Double {
  let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
  return threads.reduce(0) { sum, thread in
    // Nanoseconds on a core, nanoseconds waiting for one, time slices.
    let line = (try? String(contentsOfFile: "/proc/self/task/\(thread)/schedstat", encoding: .utf8)) ?? ""
    return sum + (line.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0) * 1e-9
  }
}

/// Seconds on the monotonic clock.
package enum Monotonic {
  package static func seconds() -> Double { seconds(of: CLOCK_MONOTONIC) }

  /// CPU seconds of this process.
  package static func processorSeconds() -> Double { seconds(of: CLOCK_PROCESS_CPUTIME_ID) }

  static func seconds(of clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
