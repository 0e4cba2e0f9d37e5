import Foundation
import Glibc
import Testing

/// Checkpoints survive a crash at any point of writing, and a full disk.
@Suite(.serialized) struct CheckpointTests {
  private func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }
  private func expected() throws -> String { try hash(ReproducibilityTests.baseline.get()) }

  /// A file whose presence arms a fault point.
  private func marker() throws -> String {
    let path = Workspace.shared.scratch().appendingPathComponent("marker").path
    try Data().write(to: URL(fileURLWithPath: path))
    return path
  }

  /// The whole checkpoints, by version; each is checked to have all its files.
  private func checkpoints(_ run: String) throws -> [Int] {
    let root = "\(run)/checkpoints"
    let names = try FileManager.default.contentsOfDirectory(atPath: root).filter { $0.hasPrefix("step-") }
    for name in names {
      let manifest = try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(root)/\(name)/manifest.json")))
      let files = try #require((manifest as? [String: Any])?["files"] as? [[String: Any]])
      #expect(!files.isEmpty)
      for file in files {
        let path = "\(root)/\(name)/\(try #require(file["name"] as? String))"
        #expect(FileManager.default.fileExists(atPath: path), "\(path)")
      }
    }
    return names.compactMap { Int($0.dropFirst("step-".count)) }.sorted()
  }

  private func name(_ version: Int) -> String { "step-" + String(format: "%06d", version) }

  /// Every step of writing: where, and whether the checkpoint is whole then.
  private static let points: [(step: String, file: String, isWhole: Bool)] =
    ["shard-1-of-2.safetensors", "manifest.json"].flatMap { file in
      ["opened", "half", "written", "synced", "renamed"].map { ($0, file, false) }
    } + [("synced", "", false), ("renamed", "", true)]

  /// One run, killed with all its processes at one point after the other, each time in the next checkpoint.
  @Test func aCrashAtAnyPointOfWritingLosesNoMoreThanThatCheckpoint() throws {
    var topology = try topology()
    topology.count(["average": 2])
    let output = Workspace.shared.scratch().appendingPathComponent("run").path
    for (index, point) in Self.points.enumerated() {
      let (version, marker) = (index + 2, try marker())
      let file = point.file.isEmpty ? "/\(name(version))" : "/.\(name(version)).partial/\(point.file)"
      let run = try RunHandle(
        topology, ["--set", "checkpoint.every=1"] + (index == 0 ? [] : ["--resume"]), output: output,
        faults: "kill=\(point.step)@\(file)@\(marker)")
      let end = try run.live.wait(seconds: 60)
      #expect(end.signal == SIGKILL, "\(point): \(end.stderr)")
      #expect(!FileManager.default.fileExists(atPath: marker), "\(point)")
      #expect(try checkpoints(output).last == (point.isWhole ? version : version - 1), "\(point)")
    }
    let report = try RunHandle(topology, ["--resume", "--set", "checkpoint.every=1"], output: output).report()
    #expect(try hash(report) == expected())
    let left = try FileManager.default.contentsOfDirectory(atPath: "\(output)/checkpoints").sorted()
    #expect(left == [14, 15, 16].map(name), "nothing half-made is left")
  }

  /// What is done to the run's checkpoints 4, 8 and 12, and the step that it goes on from.
  private static let damages: [(files: [String], from: Int)] = [
    (["step-000012/shard-1-of-2.safetensors"], 8),
    (["step-000012/manifest.json", "step-000008/shard-0-of-2.safetensors"], 4),
    (["step-000004", "step-000008", "step-000012"].map { "\($0)/shard-0-of-2.safetensors" }, 0),
  ]

  /// A byte that has changed since: the checkpoint before it does, with the same parameters at the end.
  @Test(arguments: Self.damages) func aDamagedCheckpointIsPutAside(files: [String], from: Int) throws {
    var topology = try topology()
    topology.count(["average": 2])
    let first = try RunHandle(topology, ["--stop-after", "12"])
    #expect(try first.report()["steps"] as? Int == 12)
    let output = first.output
    for file in files {
      let path = "\(output)/checkpoints/\(file)"
      var data = try Data(contentsOf: URL(fileURLWithPath: path))
      data[data.count / 2] ^= 0x80
      try data.write(to: URL(fileURLWithPath: path))
    }
    let run = try RunHandle(topology, ["--resume"], output: output)
    #expect(try hash(run.report()) == expected())
    for file in files {
      let aside = "\(output)/checkpoints/damaged-\(file.prefix { $0 != "/" })"
      #expect(FileManager.default.fileExists(atPath: aside))
      #expect(run.live.errors.contains("a checkpoint is damaged, it is kept as \(aside): "), "\(run.live.errors)")
      #expect(run.live.errors.contains("checkpoints/\(file)"), "the file is named: \(run.live.errors)")
    }
    let rollBacks = run.live.errors.split(separator: "\n").filter { $0.contains("rolled back from step ") }
    #expect(rollBacks.last?.hasSuffix(" to \(from)") == true, "\(run.live.errors)")
  }

  @Test(arguments: ["shard-0-of-1.safetensors", "manifest.json"])
  func aDiskFullAtACheckpointKeepsTheLastGoodOne(file: String) throws {
    let fault = "full=half@/.\(name(8)).partial/\(file)@\(try marker())"
    let run = try RunHandle(topology(), faults: fault)
    #expect(try hash(run.report()) == expected())
    #expect(run.live.errors.contains("checkpoint of step 8 failed, the last good one is kept"), "\(run.live.errors)")
    #expect(run.live.errors.contains("No space left on device"), "\(run.live.errors)")
    #expect(try checkpoints(run.output) == [4, 12, 16])
  }

  @Test func theLastCheckpointIsTriedAgainUntilThereIsRoom() throws {
    let marker = try marker()
    let run = try RunHandle(topology(), faults: "full=half@/.\(name(16)).partial/shard-0-of-1.safetensors@\(marker)")
    _ = try eventually("a word on the last checkpoint") {
      run.live.errors.contains("the last checkpoint failed, it is tried again") ? true : nil
    }
    #expect(try checkpoints(run.output).last == 12)
    unlink(marker)
    #expect(try hash(run.report()) == expected())
    #expect(try checkpoints(run.output) == [8, 12, 16])
  }

  /// Ledger and metrics find no room either: the run waits, and loses nothing. A coordinator that is killed meanwhile
  /// cannot start before there is room; one that cannot note that a worker was lost ends by itself, and lets nobody go.
  @Test(.enabled(if: geteuid() == 0, "mounting a small disk needs root"), arguments: [nil, "coordinator", "decode"])
  func aFullDiskStopsNothingForGood(killed: String?) throws {
    let disk = try SmallDisk(megabytes: 48)
    defer { disk.remove() }
    var longer = try topology()
    longer.steps = 40
    let undisturbed = try longer.undisturbed()
    let run = try RunHandle(longer, output: "\(disk.path)/run", faults: "pace=0.02")
    func word(_ text: String) throws {
      _ = try eventually("'\(text)'; \(run.live.errors)") { run.live.errors.contains(text) ? true : nil }
    }
    try run.waitForStep(6)
    let victim = killed == "decode" ? try run.processes("decode").first : nil
    try disk.fill()
    try word("the disk is full, the run waits for room")
    #expect(run.step() < 40)
    if killed != nil {
      kill(try victim ?? run.coordinatorProcess(), SIGKILL)
      try word("the coordinator tries again")
    }
    disk.makeRoom()
    #expect(try hash(run.report()) == hash(undisturbed))
    guard killed == nil else { return }
    try word("the disk has room again")
    let metrics = try String(contentsOfFile: "\(run.output)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    let steps = try metrics.compactMap { line -> Int? in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["learning_rate"] == nil ? nil : object?["step"] as? Int
    }
    #expect(steps == Array(1...40), "every step has its line")
  }

  @Test(arguments: [1, 2]) func soManyAreKept(keep: Int) throws {
    let settings = ["--set", "checkpoint.every=2", "--set", "checkpoint.keep=\(keep)"]
    let run = try RunHandle(topology(), settings)
    #expect(try hash(run.report()) == expected())
    #expect(try checkpoints(run.output) == [14, 16].suffix(keep))
  }
}
