import Testing

/// How clips are drawn from videos, through the whole topology.
@Suite(.serialized) struct SamplingTests {
  @Test func resampledScaledAndEchoedClipsAreTheSameForAllCounts() throws {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.clip = "{frames: 4, fps: 10, slack: 2, short_edge: [36, 44], crop: 32, echo: 2}"
    let run = try RunHandle(topology)
    let report = try run.report()
    #expect(try hash(report) != hash(try ReproducibilityTests.baseline.get()))
    var more = topology
    more.count(["decode": 2, "augment": 2, "batch": 2, "train": 2])
    #expect(try hash(RunHandle(more).report()) == hash(report))

    // The weights say how their clips were made, whoever evaluates them.
    let output = try Sluice.run(["evaluate", run.output, "--clips", "2", "--json"])
    try #require(output.status == 0, "\(output.stderr)")
    let inRun = try #require(report["evaluation"] as? [String: Any])
    #expect(try output.json()["map"] as? Double == inRun["map"] as? Double)
  }
}
