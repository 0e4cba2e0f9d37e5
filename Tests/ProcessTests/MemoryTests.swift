import Foundation
import Glibc
import Testing

/// Memory of every process stays flat; `scripts/soak` shows it over 50,000 clips, this over 14,000.
@Suite(.serialized) struct MemoryTests {
  @Test func residentMemoryStaysFlat() throws {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.batch = 16
    topology.steps = 300
    topology.evaluate = "{every: 300, clips: 1, split: validation}"
    let run = try RunHandle(topology, faults: "decode=mock:0,train=nothing")
    /// Of every worker, once all six have told it.
    func resident() throws -> [String: Int]? {
      guard let workers = try run.status()?["workers"] as? [[String: Any]] else { return nil }
      var sizes: [String: Int] = [:]
      for worker in workers {
        guard let id = worker["id"] as? String, let counters = worker["counters"] as? [String: Any] else { continue }
        sizes[id] = counters["residentBytes"] as? Int
      }
      let told = sizes.filter { $0.value > 0 }
      return told.count >= 6 ? told : nil
    }
    try run.waitForStep(60)
    let early = try eventually("sizes of all workers at 20 %") { try resident() }
    #expect(run.step() < 150, "the first sizes are told in the run's first half")
    try run.waitForStep(285)
    let late = try #require(try resident())
    _ = try run.report()
    for (worker, bytes) in late {
      let before = try #require(early[worker])
      #expect(Double(bytes) <= 1.05 * Double(before) + Double(8 << 20), "\(worker): \(before) → \(bytes)")
    }
  }
}
