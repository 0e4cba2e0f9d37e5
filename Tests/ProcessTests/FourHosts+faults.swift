import Foundation
import Glibc
import Testing

func pause(_ seconds: Double) { usleep(UInt32(seconds * 1e6)) }

extension FourHosts {
  /// Carries a fault out, to its end.
  /// - Returns: the processes it killed or stopped; none if there was nothing to hit at the moment.
  func suffer(_ fault: Fault) throws -> [Int32] {
    switch fault.kind {
    case .killWorker: return send(SIGKILL, to: one(try present(fault.host, fault.stage!), fault))
    case .killShard: return send(SIGKILL, to: one(try present(fault.host, "average"), fault))
    case .killCoordinator: return send(SIGKILL, to: try coordinatorProcess())
    case .stopWorker:
      let stopped = send(SIGSTOP, to: one(try present(fault.host, fault.stage!), fault))
      pause(fault.seconds)
      return send(SIGCONT, to: stopped)
    case .stopShardAcrossRollBack:
      let shards = try present(fault.host, "average", count: 2)
      guard shards.count == 2 else { return [] }
      let stopped = send(SIGSTOP, to: one(shards, fault))
      pause(0.1)
      let killed = send(SIGKILL, to: shards.filter { !stopped.contains($0) })
      pause(fault.seconds)
      return send(SIGCONT, to: stopped) + killed
    case .killNode:
      let node = nodes[fault.host]!
      kill(node.process.processIdentifier, SIGKILL)
      _ = try node.wait(seconds: 10)
      pause(fault.seconds)
      try start(fault.host, resumes: true)
      return [node.process.processIdentifier]
    case .linkDown: return try during(fault, { try link(fault.host, "down") }, { try link(fault.host, "up") })
    case .loss:
      return try during(fault, { try loss(fault.host, percent: 20) }, { try loss(fault.host, percent: 0) })
    case .delay:
      return try during(fault, { try delay(fault.host, milliseconds: 100) }, { try delay(fault.host, milliseconds: 0) })
    case .fullDisk: return try during(fault, { try disk.fill() }, { disk.makeRoom() })
    }
  }

  /// Processes of a stage, once there are so many: one that died soon after its start is started again only after 5 s.
  private func present(_ host: String, _ stage: String, count: Int = 1) throws -> [Int32] {
    for _ in 0..<200 {
      let found = try processes(host, [stage])
      if found.count >= count { return found }
      pause(0.1)
    }
    return try processes(host, [stage])
  }

  private func during(_ fault: Fault, _ begin: () throws -> Void, _ end: () throws -> Void) throws -> [Int32] {
    try begin()
    pause(fault.seconds)
    try end()
    return []
  }

  private func one(_ processes: [Int32], _ fault: Fault) -> [Int32] {
    processes.isEmpty ? [] : [processes[fault.choice % processes.count]]
  }

  /// - Returns: those that were there.
  private func send(_ signal: Int32, to processes: [Int32]) -> [Int32] { processes.filter { kill($0, signal) == 0 } }
}
