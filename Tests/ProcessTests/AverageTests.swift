import Foundation
import Glibc
import Testing

/// Shards beside train workers, and what is lost with a shard.
@Suite(.serialized) struct AverageTests {
  private func topology(_ hosts: String? = nil) throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    if let hosts { topology.hosts = hosts }
    return topology
  }

  private func expected() throws -> String { try hash(ReproducibilityTests.baseline.get()) }

  private static let beside =
    "here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 2, average: beside-train, evaluate: 1}"

  /// A shard in each train worker's process: the same parameters as with shards apart.
  @Test func shardsBesideTrainChangeNothing() throws {
    let run = try RunHandle(topology(Self.beside), faults: "slow=2:6")
    try run.waitForStep(1)
    let (train, average) = (try run.processes("train"), try run.processes("average"))
    #expect(train.count == 2 && Set(train) == Set(average), "the same processes")
    // One more train worker has no shard; fewer would take one away.
    let fewer = try Sluice.run(["scale", "train=1", "--run", run.output])
    #expect(
      fewer.status != 0 && fewer.stderr.contains("2 share their process with an average shard"), "\(fewer.stderr)")
    let more = try Sluice.run(["scale", "train=3", "--run", run.output])
    #expect(more.status == 0, "\(more.stderr)")
    _ = try eventually("a third train worker") { try run.processes("train").count == 3 ? true : nil }
    #expect(try run.processes("average").count == 2)
    #expect(try hash(run.report()) == expected())
  }

  /// More shards than the network has blocks: some hold nothing, and hold nobody up.
  @Test(arguments: ["", ", clip_norm: 0.5"]) func aShardWithoutBlocksIsNoHindrance(clip: String) throws {
    let narrow = ["--set", "train.width=0.125"]
    var one = try topology()
    one.train = clip
    let expected = try hash(RunHandle(one, narrow).report())
    var more = one
    more.count(["average": 3])
    let run = try RunHandle(more, narrow + ["--stop-after", "8"])
    #expect(try run.report()["steps"] as? Int == 8)
    let report = try RunHandle(more, narrow + ["--resume"], output: run.output).report()
    #expect(try hash(report) == expected)
    #expect(work(report, "average").values.sorted().first == 0, "\(work(report, "average"))")
  }

  /// Losing such a train worker is losing a shard: the run rolls back by itself and ends with the same parameters.
  @Test func aLostTrainWorkerWithItsShardCostsARollBack() throws {
    let run = try RunHandle(topology(Self.beside), faults: "slow=6:4")
    try run.waitForStep(6)
    let victim = try #require(try run.processes("train").first)
    kill(victim, SIGKILL)
    let report = try run.report()
    #expect(try hash(report) == expected())
    #expect(report["steps_rolled_back"] as? Int == 2, "from step 6 to the checkpoint of step 4")
  }

  /// Nodes hear of the new incarnation, too: what they are told in it counts.
  @Test func scalingGoesOnAfterARollBack() throws {
    var long = try topology()
    long.steps = 100_000
    let run = try RunHandle(long)
    try run.waitForStep(5)
    kill(try #require(try run.processes("average").first), SIGKILL)
    _ = try eventually("a roll-back; \(run.live.errors)") { run.live.errors.contains("rolled back") ? true : nil }
    let scaled = try Sluice.run(["scale", "decode=2", "--run", run.output])
    #expect(scaled.status == 0, "\(scaled.stderr)")
    _ = try eventually("two decoders; \(run.live.errors)") { try run.processes("decode").count == 2 ? true : nil }
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.live.wait(seconds: 60).status == 0)
  }

  /// Rounded once at the leaves and once for the readers: the same wherever sums are made.
  @Test func bfloat16IsTheSameForAnyWorkers() throws {
    let rounded = ["--set", "train.transfer=bfloat16"]
    let one = try RunHandle(topology(), rounded).report()
    #expect(try hash(one) != expected())
    var more = try topology()
    more.count(["train": 2, "average": 2])
    let beside = try topology(Self.beside)
    for other in [more, beside] {
      #expect(try hash(RunHandle(other, rounded).report()) == hash(one))
    }
    let exact = try ReproducibilityTests.baseline.get()
    let losses = try [one, exact].map { try #require($0["loss_first"] as? Double) }
    #expect(abs(losses[0] - losses[1]) < 0.05, "\(losses)")
  }

  /// `bench average` itself fails when workers end with different parameters.
  @Test(arguments: [[], ["--beside-train"]]) func theBenchmarkAverages(flags: [String]) throws {
    let bench = try Sluice.run(
      ["bench", "average", "--workers", "3", "--shards", "2", "--elements", "600001", "--rounds", "3", "--json"] + flags
    )
    try #require(bench.status == 0, "\(bench.stderr)")
    let result = try bench.json()
    #expect(result["workers"] as? Int == 3 && result["shards"] as? Int == 2 && result["elements"] as? Int == 600_001)
    let seconds = try #require(result["seconds_per_round"] as? Double)
    let rate = try #require(result["gigabytes_per_second"] as? Double)
    #expect(seconds > 0 && abs(rate * seconds * 1e9 - 2_400_004) < 1)
  }

  /// With a checkpoint of each step a shard's end costs nothing.
  @Test func withACheckpointAStepALostShardLosesNothing() throws {
    var two = try topology()
    two.count(["average": 2])
    let run = try RunHandle(two, ["--set", "checkpoint.every=1"], faults: "slow=5:4")
    _ = try eventually("the checkpoint of step 5") {
      FileManager.default.fileExists(atPath: "\(run.output)/checkpoints/step-000005/manifest.json") ? true : nil
    }
    let victim = try #require(try run.processes("average").first)
    kill(victim, SIGKILL)
    let report = try run.report()
    #expect(try hash(report) == expected())
    #expect(report["steps_rolled_back"] as? Int == 0)
  }
}
