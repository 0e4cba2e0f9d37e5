import Foundation
import Glibc
import Testing

/// The promise: the same parameters whatever the number of workers, whoever dies, wherever it resumes.
@Suite(.serialized) struct ReproducibilityTests {
  // Written once, by the first test that asks.
  nonisolated(unsafe) static let baseline: Result<[String: Any], any Error> = Result {
    try SmallTopology(corpus: SmallCorpus.shared.get().directory).undisturbed()
  }

  func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }
  func expected() throws -> String { try hash(Self.baseline.get()) }

  @Test func baselineTrains() throws {
    let report = try Self.baseline.get()
    #expect(report["steps"] as? Int == 16)
    #expect(report["workers_lost"] as? Int == 0)
    #expect(report["reproducible"] as? Bool == true)
    let evaluation = try #require(report["evaluation"] as? [String: Any])
    #expect(evaluation["step"] as? Int == 16)
    let directory = try #require(report["directory"] as? String)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == [
        "checkpoints", "ledger.sqlite", "metrics.jsonl", "report.json", "run.json", "topology.yaml",
        "weights.safetensors",
      ])
    let header = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/weights.safetensors")).dropFirst(8).prefix(
      4096)
    #expect(
      String(decoding: header, as: UTF8.self).firstMatch(of: /"topology":"[0-9a-f]{64}"/) != nil, "the settings' hash")
    // The hash is not that of the initial parameters: those of a run stopped before its first step.
    let untrained = try RunHandle(topology(), ["--stop-after", "0"]).report()
    #expect(try hash(untrained) != hash(report))
  }

  @Test func anotherSeedGivesAnotherHash() throws {
    var other = try topology()
    other.seed = 12
    #expect(try hash(RunHandle(other).report()) != expected())
  }

  /// Instruction sets add in another order: results differ in the last bits, and stay the same on each.
  @Test func kernelsAreChosenForEveryWorker() throws {
    let portable = try RunHandle(topology(), ["--set", "train.kernels=portable"]).report()
    #expect(try hash(portable) != expected())
    var two = try topology()
    two.count(["train": 2])
    #expect(try hash(portable) == hash(RunHandle(two, ["--set", "train.kernels=portable"]).report()))
  }

  @Test(arguments: [("decode", 3), ("augment", 2), ("batch", 2), ("train", 2), ("average", 2)])
  func workerCountsChangeNothing(stage: String, count: Int) throws {
    var more = try topology()
    more.count([stage: count])
    // One round takes four seconds: every worker is there before the run is over.
    let report = try RunHandle(more, faults: "slow=2:4").report()
    #expect(try hash(report) == expected())
    let done = work(report, stage)
    #expect(done.count == count)
    #expect(done.values.allSatisfy { $0 > 0 }, "every worker worked: \(done)")
  }

  /// Several steps of a replica in a round: the same promise, and every clip counted.
  @Test func localStepsAreTheSameForAnyWorkersAndAcrossAResume() throws {
    var local = try topology()
    local.train = ", local_steps: 2"
    let one = try RunHandle(local).report()
    #expect(one["samples_used"] as? Int == local.steps * 2 * local.replicas * local.batch)
    #expect(try hash(one) != expected())
    local.count(["decode": 2, "augment": 2, "batch": 2, "train": 2, "average": 2])
    let run = try RunHandle(local, ["--stop-after", "6"])
    _ = try run.report()
    #expect(try hash(RunHandle(local, ["--resume"], output: run.output).report()) == hash(one))
    let losses = try ["loss_first", "loss_last"].map { try #require(one[$0] as? Double) }
    #expect(losses[1] < losses[0], "it learns: \(losses)")
  }

  private func clipped(shards: Int, steps: Int = 16) throws -> SmallTopology {
    var clipped = try topology()
    clipped.steps = steps
    clipped.count(["average": shards])
    clipped.train = ", clip_norm: 0.5"
    return clipped
  }

  /// The norm is of all shards' blocks and has the same bits for any number of them.
  @Test func clippingIsTheSameForAnyNumberOfShards() throws {
    let one = try RunHandle(clipped(shards: 1)).report()
    #expect(try hash(one) != expected())
    for shards in [2, 3] { #expect(try hash(RunHandle(clipped(shards: shards)).report()) == hash(one)) }
    // What no gradient reaches changes nothing.
    #expect(try hash(RunHandle(topology(), ["--set", "train.clip_norm=1e6"]).report()) == expected())
  }

  @Test(arguments: ["average", "coordinator", "train"])
  func aKilledWorkerChangesNothingWhereGradientsAreClipped(stage: String) throws {
    let undisturbed = try clipped(shards: 1, steps: 40).undisturbed()
    let run = try RunHandle(clipped(shards: 2, steps: 40))
    try run.waitForStep(3)
    let victim = stage == "coordinator" ? try run.coordinatorProcess() : try #require(try run.processes(stage).first)
    #expect(kill(victim, SIGKILL) == 0)
    let report = try run.report()
    #expect(try hash(report) == hash(undisturbed))
    #expect(try #require(report["workers_lost"] as? Int) >= 1)
  }

  @Test(arguments: ["decode", "augment", "batch", "train", "average", "coordinator"])
  func aKilledWorkerChangesNothing(stage: String) throws {
    var longer = try topology()
    longer.steps = 40
    let undisturbed = try longer.undisturbed()
    let run = try RunHandle(longer)
    try run.waitForStep(3)
    let victim = stage == "coordinator" ? try run.coordinatorProcess() : try #require(try run.processes(stage).first)
    #expect(kill(victim, SIGKILL) == 0)
    let step = run.step()
    #expect((2...38).contains(step), "the kill lands in mid-run, at step \(step)")
    let report = try run.report()
    #expect(try hash(report) == hash(undisturbed))
    #expect(try #require(report["workers_lost"] as? Int) >= 1)
    if stage == "average" { #expect(try #require(report["steps_rolled_back"] as? Int) >= 0) }
    if stage != "coordinator" {
      let replacement = work(report, stage).filter { !$0.key.hasSuffix("#\(victim)") }
      #expect(replacement.values.contains { $0 > 0 }, "the replacement worked: \(work(report, stage))")
    }
  }

  @Test func aKilledEvaluatorChangesNothing() throws {
    var often = try topology()
    often.steps = 24
    often.evaluate = "{every: 4, clips: 2, split: validation}"
    let undisturbed = try RunHandle(often).report()
    let run = try RunHandle(often)
    try run.waitForStep(5)
    let victim = try #require(try run.processes("evaluate").first)
    #expect(kill(victim, SIGKILL) == 0)
    let report = try run.report()
    #expect(try hash(report) == hash(undisturbed))
    #expect(try #require(report["workers_lost"] as? Int) >= 1)
    let first = try #require(undisturbed["evaluation"] as? [String: Any])
    let second = try #require(report["evaluation"] as? [String: Any])
    #expect(first["top1"] as? Double == second["top1"] as? Double)
    #expect(first["map"] as? Double == second["map"] as? Double)
  }

  @Test(arguments: [1, 6]) func aStoppedRunResumesWithOtherCounts(stopAt: Int) throws {
    var first = try topology()
    first.steps = 40
    let undisturbed = try first.undisturbed()
    let run = try RunHandle(first)
    if stopAt > 1 {
      try run.waitForStep(stopAt)
    } else {
      // Before the first checkpoint: as soon as the run is up.
      _ = try eventually("a live run") { try run.status() }
    }
    kill(run.live.process.processIdentifier, SIGTERM)
    let stopped = try run.report()
    #expect(stopped["stopped"] as? Bool == true)
    #expect(try #require(stopped["steps"] as? Int) < 40)
    var second = first
    second.count(["decode": 2, "augment": 2, "batch": 2, "train": 2, "average": 2])
    let report = try RunHandle(second, ["--resume"], output: run.output).report()
    #expect(report["steps"] as? Int == 40)
    #expect(report["stopped"] as? Bool == false)
    #expect(try hash(report) == hash(undisturbed))
  }

  /// The last evaluation is left to the run that resumes; its checkpoints go once they are not needed.
  @Test func theLastEvaluationStopsAndResumes() throws {
    var often = try topology()
    often.steps = 2
    // By a decoder that takes its time, fifteen seconds.
    often.evaluate = "{every: 1, clips: 12, split: validation}"
    let keep = ["--set", "checkpoint.keep=1"]
    let run = try RunHandle(often, keep, faults: "decode=mock:0.05")
    let checkpoints = "\(run.output)/checkpoints"
    _ = try eventually("the last checkpoint; stderr: \(run.live.errors)") {
      FileManager.default.fileExists(atPath: "\(checkpoints)/step-000002") ? true : nil
    }
    kill(run.live.process.processIdentifier, SIGTERM)
    let stopped = try run.report(seconds: 10)
    #expect(stopped["stopped"] as? Bool == true)
    #expect(stopped["steps"] as? Int == 2)
    #expect(stopped["evaluation"] is NSNull)
    let report = try RunHandle(often, keep + ["--resume"], output: run.output).report()
    #expect(report["stopped"] as? Bool == false)
    #expect((report["evaluation"] as? [String: Any])?["step"] as? Int == 2)
    #expect(try hash(report) == hash(stopped))
    #expect(try FileManager.default.contentsOfDirectory(atPath: checkpoints) == ["step-000002"])
  }

  /// Asked before the coordinator listens, before it has a handler, or while workers join: never an error.
  @Test(arguments: [0, 20, 100, 400]) func stoppingAtTheStartIsNoError(milliseconds: Int) throws {
    let topology = try topology()
    let run = try RunHandle(topology)
    _ = try eventually("\(run.output)/run.json") {
      FileManager.default.fileExists(atPath: "\(run.output)/run.json") ? true : nil
    }
    // The moment is the point of this test; whatever it hits must end well.
    usleep(UInt32(milliseconds) * 1000)
    kill(run.live.process.processIdentifier, SIGTERM)
    let report = try run.report()
    #expect(report["stopped"] as? Bool == true)
    let resumed = try RunHandle(topology, ["--resume"], output: run.output).report()
    #expect(try hash(resumed) == expected())
  }
}
