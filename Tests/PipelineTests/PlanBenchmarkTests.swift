import Corpus
import Foundation
import Pipeline
import Testing

@Suite struct PlanBenchmarkTests {
  /// A real coordinator leases, collates and commits what the crew takes, then the benchmark leaves nothing.
  @Test func itCommitsWhatItPlans() async throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("plan-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try GeneratedIndex.write(to: "\(directory)/corpus", videos: 500, labels: 5)
    var benchmark = PlanBenchmark(corpus: "\(directory)/corpus")
    (benchmark.replicas, benchmark.batch, benchmark.steps) = (5, 3, 4)
    (benchmark.decodeWorkers, benchmark.trainWorkers) = (3, 2)
    let result = try await benchmark.run(in: "\(directory)/run")
    #expect(result.videos == 500 && result.steps == 4 && result.itemsPerSecond > 0)
    let ledger = try Ledger(path: "\(directory)/run/ledger.sqlite")
    #expect(try ledger.samplesUsed() >= 4 * 5 * 3 && ledger.samplesUsed().isMultiple(of: 15))
    ledger.close()
  }
}
