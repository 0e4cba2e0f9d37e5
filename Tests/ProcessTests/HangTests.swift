import Foundation
import Glibc
import Testing

/// Decode workers that do not get done: they end themselves, the run goes on, and `status` says what it waits for.
@Suite(.serialized) struct HangTests {
  private func topology(_ decoders: Int, limit: Int) throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.count(["decode": decoders])
    topology.extra = "decode_limit: \(limit)\ntransient_retries: 100\nlease_floor: 0.5"
    return topology
  }

  /// A video of the training split, as the manifest names it.
  private func video() throws -> String {
    let corpus = try SmallCorpus.shared.get().directory
    let manifest = try String(contentsOfFile: "\(corpus)/manifest.jsonl", encoding: .utf8)
    let row = try #require(
      manifest.split(separator: "\n").first { $0.contains("\"train\"") && $0.contains("raisingaball") })
    let object = try #require(try JSONSerialization.jsonObject(with: Data(row.utf8)) as? [String: Any])
    return try #require(object["file"] as? String)
  }

  /// While this file is there, decoding its video waits.
  private func marker(_ video: String) throws -> String {
    let path = "\(try SmallCorpus.shared.get().directory)/\(video).stalled"
    try Data().write(to: URL(fileURLWithPath: path))
    return path
  }

  /// The file that a worker has been at for some seconds.
  private func underWay(_ run: RunHandle) throws -> String? {
    let workers = try run.status()?["workers"] as? [[String: Any]] ?? []
    return workers.lazy.compactMap { worker -> String? in
      let counters = worker["counters"] as? [String: Any]
      return (counters?["underWay"] as? [String: Any])?["path"] as? String
    }.first
  }

  @Test func aVideoThatLoopsForEverIsQuarantined() throws {
    let video = try video()
    let one = try RunHandle(topology(1, limit: 2), faults: "loop=\(video)").report(seconds: 180)
    let quarantined = try #require(one["quarantined"] as? [[String: Any]])
    #expect(quarantined.count == 1)
    #expect((quarantined.first?["video"] as? String)?.hasSuffix(video) == true)
    #expect((quarantined.first?["reason"] as? String)?.contains("decode_limit") == true)
    #expect(one["reproducible"] as? Bool == true)
    let three = try RunHandle(topology(3, limit: 2), faults: "loop=\(video)").report(seconds: 180)
    #expect(try hash(one) == hash(three))
  }

  @Test func aVideoThatStallsForAWhileCostsNothingButTime() throws {
    let (video, expected) = (try video(), try hash(ReproducibilityTests.baseline.get()))
    let marker = try marker(video)
    defer { unlink(marker) }
    let run = try RunHandle(topology(2, limit: 5), faults: "stall=\(video)")
    _ = try eventually("a word on the video") { try underWay(run)?.hasSuffix(video) == true ? true : nil }
    _ = try eventually("the end of a worker") {
      (try run.status()?["workersLost"] as? Int ?? 0) >= 2 ? true : nil
    }
    unlink(marker)
    let report = try run.report()
    #expect(try hash(report) == expected)
    #expect(try #require(report["workers_lost"] as? Int) >= 2)
    #expect(run.live.errors.contains("\(video) (step "), "\(run.live.errors)")
  }

  @Test func aRunWhoseDecodersHangSaysSoAndStops() throws {
    let (video, expected) = (try video(), try hash(ReproducibilityTests.baseline.get()))
    let marker = try marker(video)
    defer { unlink(marker) }
    let run = try RunHandle(topology(1, limit: 1000), faults: "stall=\(video)")
    _ = try eventually("decode to be short") { try run.status()?["shortStage"] as? String == "decode" ? true : nil }
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.report(seconds: 40)["stopped"] as? Bool == true)
    unlink(marker)
    let resumed = try RunHandle(topology(1, limit: 1000), ["--resume"], output: run.output).report()
    #expect(try hash(resumed) == expected)
  }

  @Test func evaluationsWithoutAWorkerAreWhatIsShort() throws {
    var long = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    (long.steps, long.evaluate) = (40, "{every: 4, clips: 2, split: validation}")
    let expected = try hash(long.undisturbed())
    let run = try RunHandle(long, faults: "pace=0.05")
    try run.waitForStep(1)
    let node = try #require(
      (try run.status()?["workers"] as? [[String: Any]])?.first { $0["stage"] as? String == "node" })
    #expect((node["counters"] as? [String: Any])?["residentBytes"] as? Int ?? 0 > 1 << 20)
    #expect(try Sluice.run(["scale", "evaluate=0", "--run", run.output]).status == 0)
    _ = try eventually("evaluate to be short") {
      try Sluice.run(["status", "--run", run.output]).stdout.contains("short of: evaluate (it has no workers)")
        ? true : nil
    }
    #expect(try Sluice.run(["scale", "evaluate=1", "--run", run.output]).status == 0)
    #expect(try hash(run.report()) == expected)
  }

  @Test func aTrainerThatSaysNothingIsTheShortStage() throws {
    var long = try topology(1, limit: 1000)
    long.steps = 4000
    let run = try RunHandle(long)
    try run.waitForStep(2)
    let trainer = try #require(try run.processes("train").first)
    kill(trainer, SIGSTOP)
    defer { kill(trainer, SIGCONT) }
    _ = try eventually("train to be short") { try run.status()?["shortStage"] as? String == "train" ? true : nil }
    kill(trainer, SIGCONT)
    kill(run.live.process.processIdentifier, SIGTERM)
    _ = try run.report()
  }
}
