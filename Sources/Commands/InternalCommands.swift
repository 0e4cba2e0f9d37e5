package import ArgumentParser
import Foundation
import Glibc
package import Pipeline
import Topology
import ZeroMQ

/// A worker process, as a node starts it. Ends with its supervisor.
package struct StageCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "stage", abstract: "A worker process, as a node starts it.", shouldDisplay: false)

  /// Set by the test executable; the product runs without.
  package nonisolated(unsafe) static var faults = FaultPoints.none  // written once, before any command runs

  @Option var stages: String
  @Option var join: String
  @Option var host: String
  @Option var ordinal: String
  @Option var address: String?
  @Option var crashMark: String?
  @Option var nice = 0
  @Option var keys: String?
  @Option var security = Topology.Encryption.none.rawValue

  package init() {}

  package func run() async throws {
    Signals.exitWhenLifelineCloses()
    if nice > 0 { Niceness.add(nice) }
    let stages = try stages.split(separator: ",").map { name in
      guard let stage = Stage(rawValue: String(name)), stage != .plan else {
        throw ValidationError("unknown stage \(name)")
      }
      return stage
    }
    let process = StageProcess(
      stages: stages, join: join, host: host, address: address, ordinal: ordinal, crashMarkPath: crashMark,
      security: SecuritySetting(scope: Topology.Encryption(rawValue: security) ?? .none, keys: keys),
      faults: Self.faults)
    do {
      try await process.run()
    } catch {
      FileHandle.standardError.write(Data("\(host)/\(self.stages)/\(ordinal): \(error)\n".utf8))
      _exit(StageProcess.refusedStatus)
    }
    _exit(0)
  }
}

/// The coordinator's process, as `run` and `node` start it. Ends with its supervisor.
package struct CoordinatorCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "coordinator", abstract: "The coordinator, as run and node start it.", shouldDisplay: false)

  @Option var directory: String
  @Option var stopAfter: Int?
  /// It was asked to stop while there was no coordinator: it writes what a stopped run leaves, and ends.
  @Flag var leave = false

  package init() {}

  package func run() async throws {
    Signals.exitWhenLifelineCloses()
    // Opening corpus and ledger takes a while; who asks meanwhile is answered after it.
    let gate = StopGate()
    let signals = Signals.onRequest { count in
      guard count == 1 else { _exit(1) }
      Task { await gate.stop() }
    }
    do {
      let coordinator = try Coordinator(
        directory: RunDirectory(path: directory), stopAfter: stopAfter, context: try Context())
      await gate.open(to: coordinator)
      if leave { await coordinator.leave() }
      _ = try await coordinator.run()
      withExtendedLifetime(signals) {}
    } catch {
      let isDiskFull = (error as? PipelineError)?.code == .diskFull
      let advice = isDiskFull ? "; the coordinator tries again" : ""
      FileHandle.standardError.write(Data("Error: \(error)\(advice)\n".utf8))
      _exit(isDiskFull ? CoordinatorSupervisor.diskFullStatus : 1)
    }
    _exit(0)
  }
}

/// Hands a request to stop to the coordinator as soon as there is one.
private actor StopGate {
  private var coordinator: Coordinator?
  private var isAsked = false

  func stop() async {
    isAsked = true
    await coordinator?.stop()
  }

  func open(to coordinator: Coordinator) async {
    self.coordinator = coordinator
    if isAsked { await coordinator.stop() }
  }
}
