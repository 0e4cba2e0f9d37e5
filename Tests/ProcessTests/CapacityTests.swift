import Foundation
import Testing

/// Costs measured in a short run, and what they predict.
@Suite(.serialized) struct CapacityTests {
  @Test func theExamplesOnCapacityRun() throws {
    let home = try DocumentationTests.home.get()
    let built = try Sluice.run(["corpus", "build", home.appendingPathComponent("data/quickstart").path])
    try #require(built.status == 0, "\(built.stderr)")
    let blocks = try DocumentationTests.blocks("docs/capacity.md")
    #expect(!blocks.isEmpty)
    for (name, script) in blocks {
      let process = try DocumentationTests.bash(script)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "docs/capacity.md, block \(name)")
    }
  }

  @Test func costsOfARunPredictAnother() throws {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.count(["decode": 2])
    let file = try topology.write()
    let costs = Workspace.shared.scratch().appendingPathComponent("costs.json").path
    let measured = try Sluice.run(["bench", "stages", file, "--steps", "30", "--costs", costs, "--json"])
    #expect(measured.status == 0, "\(measured.stderr)")
    let stages = try #require(try measured.json()["stages"] as? [String: [String: Double]])
    #expect(Set(stages.keys) == ["plan", "decode", "augment", "batch", "train", "average"])
    #expect(stages.values.allSatisfy { ($0["worker_seconds"] ?? 0) > 0 && ($0["cpu_seconds"] ?? 0) > 0 })
    let predicted = try Sluice.run(["simulate", file, "--costs", costs, "--cores", "1000", "--json"])
    #expect(predicted.status == 0, "\(predicted.stderr)")
    let limits = try #require(try predicted.json()["limits"] as? [[String: Any]])
    let decode = try #require(limits.first { $0["part"] as? String == "decode" }?["clips_per_second"] as? Double)
    #expect(abs(decode * stages["decode"]!["worker_seconds"]! - 2) < 1e-6, "two workers")
    let other = try Sluice.run(["simulate", file, "--costs", costs, "--set", "clip.frames=8"])
    #expect(other.status == 0)
    #expect(other.stderr.contains("clip.frames was 4 when costs were measured, and is 8"))
    let wrong = try Sluice.run(["simulate", file, "--costs", file])
    #expect(wrong.status != 0 && wrong.stderr.contains("sluice bench stages"), "\(wrong.stderr)")
  }
}
