import Foundation
import Glibc
import Testing

/// A run of a small topology, to the end or in mid-flight.
struct RunHandle {
  let topology: SmallTopology
  let output: String
  let live: Sluice.Live

  /// - Parameter command: instead of `run TOPOLOGY`.
  init(
    _ topology: SmallTopology, _ arguments: [String] = [], output: String? = nil, faults: String? = nil,
    command: [String]? = nil, launcher: [String] = []
  ) throws {
    self.topology = topology
    self.output = output ?? Workspace.shared.scratch().appendingPathComponent("run").path
    live = try Sluice.Live(
      (try command ?? ["run", topology.write()]) + ["--output", self.output, "--json"] + arguments, faults: faults,
      launcher: launcher)
  }

  /// The report of a run that ends well, with what must hold of every one.
  func report(seconds: Double = 90) throws -> [String: Any] {
    let output = try live.wait(seconds: seconds)
    try #require(output.status == 0, "\(output.stderr)")
    let report = try output.json()
    let used = try #require(report["samples_used"] as? Int)
    #expect(used == report["samples_planned"] as? Int)
    #expect(used > 0 || (report["steps"] as? Int) == 0)
    return report
  }

  func status() throws -> [String: Any]? {
    let output = try Sluice.run(["status", "--run", self.output, "--json"])
    return output.status == 0 ? try output.json() : nil
  }

  func step() -> Int { Self.step(of: output) }

  /// A number of the last line of a step in metrics.jsonl.
  func metric(_ name: String, at step: Int) throws -> Double {
    let text = try String(contentsOfFile: "\(output)/metrics.jsonl", encoding: .utf8)
    let lines = try text.split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    let line = lines.last { $0["step"] as? Int == step && $0["learning_rate"] != nil }
    return try #require(line?[name] as? Double, "\(name) of step \(step)")
  }

  /// The committed step of a run, by the lines of its metrics.jsonl.
  static func step(of output: String) -> Int {
    let text = (try? String(contentsOfFile: "\(output)/metrics.jsonl", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").reversed().lazy.compactMap { line -> Int? in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["learning_rate"] == nil ? nil : object?["step"] as? Int
    }.first ?? 0
  }

  /// Process ids of the stage's workers.
  func processes(_ stage: String) throws -> [Int32] {
    let workers = try eventually("a status of \(output)") { try status()?["workers"] as? [[String: Any]] }
    return workers.filter { $0["stage"] as? String == stage }.compactMap { ($0["processID"] as? Int).map(Int32.init) }
  }

  /// Workers of the stage that have sent a heartbeat, as they do once they are welcome.
  func reporting(_ stage: String) throws -> Int {
    let workers = try status()?["workers"] as? [[String: Any]] ?? []
    return workers.count {
      let counters = $0["counters"] as? [String: Any]
      return $0["stage"] as? String == stage && counters?["residentBytes"] as? Int ?? 0 > 0
    }
  }

  func waitForStep(_ step: Int) throws {
    _ = try eventually("step \(step) of \(output); stderr: \(live.errors)") { self.step() >= step ? true : nil }
  }

  /// The process that runs the coordinator, by its command line.
  func coordinatorProcess() throws -> Int32 {
    try eventually("a coordinator process") {
      let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
      return all.first { id in
        let line = (try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)) ?? ""
        return line.contains("\0coordinator\0--directory\0\(output)\0")
      }
    }
  }
}

func hash(_ report: [String: Any]) throws -> String { try #require(report["parameters_sha256"] as? String) }

/// Clips or rounds done by each worker of a stage, by worker.
func work(_ report: [String: Any], _ stage: String) -> [String: Int] {
  let all = report["work"] as? [String: Int] ?? [:]
  return all.filter { $0.key.contains("/\(stage)/") }
}

extension SmallTopology {
  // One test runs at a time.
  nonisolated(unsafe) private static var reports: [SmallTopology: [String: Any]] = [:]

  /// The report of a run that nobody disturbs, made by the first test that asks.
  func undisturbed() throws -> [String: Any] {
    if let report = Self.reports[self] { return report }
    let report = try RunHandle(self).report(seconds: 3600)
    Self.reports[self] = report
    return report
  }
}
