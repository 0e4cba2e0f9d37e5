import Foundation
import Glibc
import Testing

/// A run as Slurm starts it, on a cluster of this machine's own: nodes of an allocation, decode workers of an array, and what
/// preemption does.
@Suite(.serialized) struct SlurmTests {
  private func topology() throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.steps = 60
    topology.hosts = """
      a: {address: 127.0.0.8, coordinator: true, port: \(Int.random(in: 20000..<30000)), decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}
      b: {address: 127.0.0.9, decode: 1, augment: 1, batch: 1, train: 1}
      """
    return topology
  }

  private func decoders(_ run: String) throws -> Int? {
    let output = try Sluice.run(["status", "--run", run, "--json"])
    guard output.status == 0, let workers = try output.json()["workers"] as? [[String: Any]] else { return nil }
    return workers.count { $0["stage"] as? String == "decode" }
  }

  @Test(.enabled(if: SlurmCluster.obstacle == nil, "\(SlurmCluster.obstacle ?? "") for a Slurm cluster"))
  func aRunGoesOnAfterItWasPreempted() throws {
    var alone = try topology()
    alone.hosts = SmallTopology(corpus: alone.corpus).hosts
    let expected = try hash(RunHandle(alone).report())
    let slurm = try SlurmCluster()
    defer { slurm.remove() }
    let job = try slurm.submit(["--nodes=2"], "run", [topology().write()], faults: "pace=0.1")
    let run = "\(slurm.directory)/runs/sluice-\(job)"
    func step(_ least: Int) throws {
      _ = try eventually("step \(least): \(slurm.output(job))") { RunHandle.step(of: run) >= least ? true : nil }
    }
    try step(2)
    let array = try slurm.submit(["--array=1-2"], "decode", ["\(run).endpoint"], faults: "pace=0.1")
    func decoders(_ count: Int) throws {
      _ = try eventually("\(count) decoders") { try self.decoders(run) == count ? true : nil }
    }
    try decoders(4)
    try slurm("scancel", "\(array)_1")
    try decoders(3)
    // As a job of more weight does that takes the nodes.
    try slurm("scontrol", "requeue", job)
    _ = try eventually("the job in the queue") { try slurm.state(of: job) == "PENDING" ? true : nil }
    let interrupted = RunHandle.step(of: run)
    #expect(interrupted < 60)
    // Slurm waits for two minutes before it starts such a job again.
    try slurm("scontrol", "update", "JobId=\(job)", "StartTime=now")
    try step(interrupted + 2)
    try decoders(3)
    _ = try eventually("the end of the jobs: \(slurm.output(job))") {
      try slurm("squeue", "--noheader").isEmpty ? true : nil
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(run)/report.json"))
    let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(try hash(report) == expected)
    #expect(report["samples_used"] as? Int == report["samples_planned"] as? Int)
    #expect(report["steps_rolled_back"] as? Int == 0, "it was stopped, not killed: \(slurm.output(job))")
    let others = work(report, "decode").filter { !$0.key.hasPrefix("a/") && !$0.key.hasPrefix("b/") }
    #expect(others.values.contains { $0 > 0 }, "the array's worker came back: \(work(report, "decode"))")
    #expect(slurm.output(job).contains("a b on n1 n2, runs/sluice-\(job) --resume"))
    #expect(!FileManager.default.fileExists(atPath: "\(run).endpoint"))
  }

  /// As docs/slurm.md has it, with the number that the first job got.
  @Test(.enabled(if: SlurmCluster.obstacle == nil, "\(SlurmCluster.obstacle ?? "") for a Slurm cluster"))
  func theExamplesRunAndAnAllocationOfAnotherSizeIsRefused() throws {
    let slurm = try SlurmCluster()
    defer { slurm.remove() }
    let example = try #require(try DocumentationTests.blocks("docs/slurm.md").first { $0.name == "slurm" })
    let corpus = try DocumentationTests.home.get().appendingPathComponent("data/quickstart").path
    #expect(try Sluice.run(["corpus", "build", corpus]).status == 0)
    let lines = example.script.split(separator: "\n").map(String.init)
    try #require(lines.count == 2)
    let first = try slurm.submit(as: lines[0])
    let run = "\(slurm.directory)/runs/sluice-\(first)"
    _ = try eventually("a step: \(slurm.output(first))") { RunHandle.step(of: run) > 0 ? true : nil }
    _ = try slurm.submit(as: lines[1].replacing("4711", with: first))
    _ = try eventually("more decoders") { try (self.decoders(run) ?? 0) > 2 ? true : nil }
    // It is not queued again, and the array ends with it.
    try slurm("scancel", first)
    func empty(_ what: String) throws {
      _ = try eventually("the end of \(what): \(slurm.output(first))") {
        try slurm("squeue", "--noheader").isEmpty ? true : nil
      }
    }
    try empty("the job and its array")
    #expect(slurm.output(first).contains("job \(first) was stopped before its end; queued again, or by"))
    #expect(FileManager.default.fileExists(atPath: "\(run).endpoint"))
    _ = try slurm.submit(["--array=1-2"], "decode", ["\(run).endpoint"])
    try empty("an array without a run")
    let job = try slurm.submit(["--nodes=3", "--wait"], "run", [topology().write()], status: 2)
    #expect(slurm.output(job).contains("has 2 hosts (a b) and the job 3 nodes: give sbatch --nodes=2"))
  }
}

/// Controller, nodes and munge below a directory of its own.
private struct SlurmCluster {
  let directory = Workspace.shared.scratch().path
  private static let script = DocumentationTests.repository.appendingPathComponent("Tests/ProcessTests/slurm.sh").path
  private static let programs = ["slurmctld", "slurmd", "munged"].map { "/usr/sbin/\($0)" }

  /// Why it cannot be tried here; nil if it can.
  static let obstacle: String? = {
    if geteuid() != 0 { return "needs root" }
    let missing = programs.filter { !FileManager.default.isExecutableFile(atPath: $0) }
    return missing.isEmpty ? nil : "needs \(missing.joined(separator: ", "))"
  }()

  init() throws { try run([Self.script, "up", directory, "\(Int.random(in: 30000..<32000))"]) }

  func remove() { _ = try? run([Self.script, "down", directory]) }

  @discardableResult func callAsFunction(_ command: String...) throws -> String { try run(["/usr/bin/env"] + command) }

  /// - Returns: the job's number.
  func submit(
    _ options: [String], _ script: String, _ arguments: [String], faults: String? = nil, status: Int32 = 0
  ) throws -> String {
    let path = DocumentationTests.repository.appendingPathComponent("scripts/slurm/\(script)").path
    return try run(
      ["/usr/bin/env", "sbatch", "--parsable"] + options + [path] + arguments, faults: faults, status: status)
  }

  /// - Parameter line: a line of the documentation.
  func submit(as line: String) throws -> String {
    let files = FileManager.default
    for (name, place) in [
      ("scripts", DocumentationTests.repository), ("topology", DocumentationTests.repository),
      ("data", try DocumentationTests.home.get()),
    ]
    where !files.fileExists(atPath: "\(directory)/\(name)") {
      try files.createSymbolicLink(
        atPath: "\(directory)/\(name)", withDestinationPath: place.appendingPathComponent(name).path)
    }
    return try run(["/bin/bash", "-c", line]).filter(\.isNumber)
  }

  func state(of job: String) throws -> String {
    try self("squeue", "--noheader", "--format=%T", "--jobs=\(job)")
  }

  /// What a job printed.
  func output(_ job: String) -> String {
    (try? String(contentsOfFile: "\(directory)/slurm-\(job).out", encoding: .utf8)) ?? ""
  }

  /// Runs to the end in the cluster's directory.
  @discardableResult private func run(_ line: [String], faults: String? = nil, status: Int32 = 0) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: line[0])
    process.arguments = Array(line.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    let program = Sluice.binaries.appendingPathComponent(faults == nil ? "sluice" : "sluice-faulty").path
    process.environment = ProcessInfo.processInfo.environment.merging([
      "SLURM_CONF": "\(directory)/slurm.conf", "SLUICE": program, "SLUICE_FAULTS": faults ?? "",
    ]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == status, "\(line): \(text)")
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
