import Foundation
import Glibc
import Testing

/// Faults at random on four hosts: the run ends with the parameters of an undisturbed one. Ten here; `scripts/soak faults`
/// sets SLUICE_SOAK_FAULTS, SLUICE_SOAK_SEED and SLUICE_SOAK_OUTPUT, a directory for what happened.
@Suite(.serialized) struct FaultTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let paceSeconds = 0.1

  @Test(.enabled(if: FourHosts.obstacle == nil, "\(FourHosts.obstacle ?? "") to make hosts out of network namespaces"))
  func faultsOnFourHostsChangeNothing() throws {
    let count = Self.environment["SLUICE_SOAK_FAULTS"].flatMap { Int($0) } ?? 10
    let seed = Self.environment["SLUICE_SOAK_SEED"].flatMap { UInt64($0) } ?? 1
    let schedule = FaultSchedule(
      seed: seed, count: count, workers: FourHosts.workers, coordinator: FourHosts.coordinator)
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    // Three decode workers set the pace; with faults it is half of that at most, so the run is not over before the last.
    let stepSeconds = Self.paceSeconds * Double(topology.replicas * topology.batch) / 3
    topology.steps = Int(schedule.seconds / (2 * stepSeconds)) + 20
    let undisturbed = try topology.undisturbed()
    let hosts = try FourHosts(topology, faults: "pace=\(Self.paceSeconds)")
    defer { hosts.remove() }
    for name in FourHosts.workers.keys.sorted() { try hosts.start(name) }
    _ = try eventually("the first step; \(hosts.nodes.mapValues(\.errors))") { hosts.step() > 0 ? true : nil }
    let log = try FaultLog(Self.environment["SLUICE_SOAK_OUTPUT"], schedule)
    defer { log.keep(hosts) }
    let began = Date()
    var blanks = 0
    for fault in schedule.faults {
      pause(fault.gapSeconds)
      let processes = try hosts.suffer(fault)
      try log.write(fault, step: hosts.step(), processes)
      if fault.kind.isOfProcesses, processes.isEmpty { blanks += 1 }
    }
    let minutes = Date().timeIntervalSince(began) / 60
    #expect(blanks <= max(1, count / 20), "\(blanks) of \(count) faults found no process to hit")
    #expect(hosts.step() < topology.steps, "every fault hit a run under way")
    let report = try end(hosts)
    #expect(try hash(report) == hash(undisturbed), "seed \(seed)")
    #expect(report["samples_used"] as? Int == report["samples_planned"] as? Int)
    #expect(report["steps"] as? Int == topology.steps)
    #expect(report["reproducible"] as? Bool == true)
    print(
      "faults: \(count), seed \(seed): \(report["steps"]!) steps, \(report["steps_rolled_back"]!) rolled back, "
        + "\(report["workers_lost"]!) workers lost, \(blanks) found nothing to hit; faults for "
        + "\(Int(minutes.rounded(.up))) minutes, \(report["seconds"]!) s in all")
  }

  @Test func aSeedGivesTheSameFaultsEveryTime() {
    func schedule(_ seed: UInt64) -> FaultSchedule {
      FaultSchedule(seed: seed, count: 40, workers: FourHosts.workers, coordinator: FourHosts.coordinator)
    }
    #expect(schedule(7) == schedule(7))
    #expect(schedule(7).faults != schedule(8).faults)
    let faults = schedule(7).faults
    for ten in 0..<4 { #expect(Set(faults[(10 * ten)..<(10 * ten + 10)].map(\.kind)).count == 10) }
    #expect(faults.allSatisfy { (0.5...5).contains($0.seconds) && (0...2).contains($0.gapSeconds) })
  }

  /// The report of the coordinator's node; the other nodes end, too.
  private func end(_ hosts: FourHosts) throws -> [String: Any] {
    let ended = try hosts.nodes[FourHosts.coordinator]!.wait(seconds: 1800)
    try #require(ended.status == 0, "\(ended.stderr.suffix(2000))")
    for (name, node) in hosts.nodes.sorted(by: { $0.key < $1.key }) where name != FourHosts.coordinator {
      #expect(try node.wait(seconds: 40).status == 0, "\(name): \(node.errors.suffix(2000))")
    }
    return try ended.json()
  }
}

/// The schedule as it was carried out, a line a fault, and what the nodes said; kept where a directory is given.
private final class FaultLog {
  private let directory: URL
  private let file: FileHandle
  private let began = Date()

  init(_ path: String?, _ schedule: FaultSchedule) throws {
    directory = path.map { URL(fileURLWithPath: $0) } ?? Workspace.shared.scratch()
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let url = directory.appendingPathComponent("faults.jsonl")
    try JSONEncoder().encode(schedule).write(to: directory.appendingPathComponent("schedule.json"))
    try Data().write(to: url)
    file = try FileHandle(forWritingTo: url)
  }

  private struct Line: Encodable {
    var fault: Fault
    var endedAtSeconds: Double
    var stepBefore: Int
    /// Processes killed or stopped.
    var processes: [Int32]
  }

  func write(_ fault: Fault, step: Int, _ processes: [Int32]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let seconds = Date().timeIntervalSince(began)
    let line = Line(fault: fault, endedAtSeconds: seconds, stepBefore: step, processes: processes)
    try file.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
  }

  func keep(_ hosts: FourHosts) {
    for (name, nodes) in Dictionary(grouping: hosts.everyNode, by: \.host) {
      let text = nodes.map(\.node.errors).joined(separator: "--- the node was killed and started again\n")
      try? Data(text.utf8).write(to: directory.appendingPathComponent("\(name).log"))
    }
    for name in ["metrics.jsonl", "report.json", "ledger.sqlite"] {
      try? FileManager.default.copyItem(
        atPath: "\(hosts.output)/\(name)", toPath: directory.appendingPathComponent(name).path)
    }
  }
}
