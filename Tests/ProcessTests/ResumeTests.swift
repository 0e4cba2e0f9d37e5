import Foundation
import Testing

/// A run goes on from any of its checkpoints with any number of workers. Four of them here; `scripts/soak resume` sets
/// SLUICE_SOAK_CHECKPOINTS and SLUICE_SOAK_SEED.
@Suite(.serialized) struct ResumeTests {
  private static let environment = ProcessInfo.processInfo.environment

  @Test func resumingFromAnyCheckpointGivesTheSameParameters() throws {
    let count = Self.environment["SLUICE_SOAK_CHECKPOINTS"].flatMap { Int($0) } ?? 4
    var random = SplitMix(state: Self.environment["SLUICE_SOAK_SEED"].flatMap { UInt64($0) } ?? 1)
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.steps = max(16, count)
    let settings = ["--set", "checkpoint.every=1", "--set", "checkpoint.keep=100000"]
    let whole = try RunHandle(topology, settings)
    let expected = try hash(whole.report(seconds: 600))
    let versions = Array(1..<topology.steps).shuffled(using: &random).prefix(count)
    for version in versions {
      let output = try copy(of: whole.output, upTo: version)
      var counts: [String: Int] = [:]
      for stage in ["decode", "augment", "batch", "train", "average"] {
        counts[stage] = Int.random(in: 1...3, using: &random)
      }
      topology.count(counts)
      let resumed = try RunHandle(topology, settings + ["--resume"], output: output)
      let report = try resumed.report()
      #expect(try hash(report) == expected, "from step \(version) with \(counts)")
      #expect(report["steps_rolled_back"] as? Int == topology.steps - version)
      #expect(resumed.live.errors.contains("rolled back from step \(topology.steps) to \(version)"))
      try FileManager.default.removeItem(atPath: output)
    }
  }

  /// The run's directory as if its later checkpoints had never been.
  private func copy(of run: String, upTo version: Int) throws -> String {
    let output = Workspace.shared.scratch().appendingPathComponent("run").path
    try FileManager.default.copyItem(atPath: run, toPath: output)
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(output)/checkpoints") {
      guard let number = Int(name.dropFirst("step-".count)), number > version else { continue }
      try FileManager.default.removeItem(atPath: "\(output)/checkpoints/\(name)")
    }
    return output
  }
}
