package import Dispatch
import Foundation
import Glibc
package import Topology
import ZeroMQ

/// One worker process: one stage, or several chained, until the coordinator lets it go.
package struct StageProcess: Sendable {
  package var stages: [Stage]
  package var join: String
  package var host: String
  /// Address to bind tcp on; nil when no peer is on another host.
  package var address: String?
  package var ordinal: String
  package var crashMarkPath: String?
  package var security: SecuritySetting
  package var faults: FaultPoints

  package init(
    stages: [Stage], join: String, host: String, address: String?, ordinal: String, crashMarkPath: String?,
    security: SecuritySetting = .none, faults: FaultPoints = .none
  ) {
    self.stages = stages
    self.join = join
    self.host = host
    self.address = address
    self.ordinal = ordinal
    self.crashMarkPath = crashMarkPath
    self.security = security
    self.faults = faults
  }

  /// Exit status of a worker that the coordinator refused, or that cannot do its work here: it is not restarted.
  package static let refusedStatus: Int32 = 3
  private static let farewellSeconds = 5.0
  private static let takingLargeMessages: Set<Stage> = [.augment, .batch, .train, .average]

  /// Works until dismissed.
  /// - Throws: `.refused` with the coordinator's reason.
  package func run() async throws {
    if !Self.takingLargeMessages.isDisjoint(with: stages) { Context.keepFreedMemory() }
    let context = try Context()
    let mark = try crashMarkPath.map { try CrashMark(path: $0) }
    let place = try ProcessPlace(
      context: context, host: host, address: address,
      security: RunSecurity(security, role: .worker, host: host))
    let launch = StageLaunch(join: join, place: place, ordinal: ordinal, crashMark: mark, faults: faults)
    let actors = stages.map { $0.actor(launch) }
    let signals = Signals.onRequest { count in
      guard count == 1 else { _exit(1) }
      for actor in actors { Task { await actor.leave() } }
      // The coordinator may be gone: nobody to be let go by.
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.farewellSeconds) { _exit(0) }
    }
    let ends = try await withThrowingTaskGroup(of: StageEnd.self) { group in
      for actor in actors { group.addTask { try await actor.run() } }
      var ends: [StageEnd] = []
      for try await end in group {
        ends.append(end)
        if case .refused = end { break }
      }
      group.cancelAll()
      return ends
    }
    withExtendedLifetime(signals) {}
    for case .refused(let reason) in ends { throw PipelineError(.refused, reason) }
    context.terminate()
  }
}

extension Stage {
  fileprivate func actor(_ launch: StageLaunch) -> any StageActor {
    switch self {
    case .decode: DecodeStage(launch: launch)
    case .augment: AugmentStage(launch: launch)
    case .batch: BatchStage(launch: launch)
    case .train: TrainStage(launch: launch)
    case .average: AverageStage(launch: launch)
    case .evaluate: EvaluateStage(launch: launch)
    case .plan: preconditionFailure("plan is part of the coordinator; commands refuse it")
    }
  }
}

/// Signals and the lifeline of child processes.
package enum Signals {
  /// By which a supervisor asks its children to leave. It ends those that are not ready to hear it.
  static let leave = SIGUSR1

  /// In a supervisor: calls `body` with 1, 2, … at each SIGTERM and SIGINT. Those within a second of the first are one
  /// request: Slurm's step and its `srun` each send one.
  package static func onTermination(
    _ body: @escaping @Sendable (Int) -> Void
  ) -> [any DispatchSourceSignal] {
    observe([SIGTERM, SIGINT], debounceSeconds: 1, body)
  }

  /// In its children: calls `body` with 1, 2, … each time the supervisor asks. A terminal, a service manager or a batch system
  /// sends SIGINT or SIGTERM to all processes; only the supervisor acts on them.
  package static func onRequest(_ body: @escaping @Sendable (Int) -> Void) -> [any DispatchSourceSignal] {
    signal(SIGINT, SIG_IGN)
    signal(SIGTERM, SIG_IGN)
    return observe([leave], debounceSeconds: 0, body)
  }

  /// From the return on no request is lost; before, a signal does what it does by default. Keep the result alive. The signals
  /// are never ignored, not even for a moment: one that has come and waits would be discarded.
  private static func observe(
    _ numbers: [Int32], debounceSeconds: Double, _ body: @escaping @Sendable (Int) -> Void
  ) -> [any DispatchSourceSignal] {
    let queue = DispatchQueue(label: "sluice.signals")
    let counter = SignalCounter(debounceSeconds: debounceSeconds)
    let registered = DispatchSemaphore(value: 0)
    return numbers.map { number in
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setRegistrationHandler { registered.signal() }
      source.setEventHandler { if let count = counter.next(now: Monotonic.seconds()) { body(count) } }
      source.resume()
      registered.wait()
      return source
    }
  }

  private final class SignalCounter: @unchecked Sendable {
    // Sendable: only used on the queue of the signal sources.
    private let debounceSeconds: Double
    private var count = 0
    private var first = 0.0

    init(debounceSeconds: Double) { self.debounceSeconds = debounceSeconds }

    /// - Returns: nil for a repetition of the first.
    func next(now: Double) -> Int? {
      if count == 0 { first = now }
      guard count == 0 || now - first >= debounceSeconds else { return nil }
      count += 1
      return count
    }
  }

  /// Ends this process when standard input, whose other end its supervisor holds, closes: nothing outlives a killed
  /// supervisor.
  package static func exitWhenLifelineCloses() {
    let thread = Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(0, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { _exit(1) }
      }
    }
    thread.name = "lifeline"
    thread.start()
  }
}
