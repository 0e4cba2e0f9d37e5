import Foundation
import Glibc
import Testing

/// Memory of every process stays flat; `scripts/soak` shows it over 50,000 clips, this over 4,000.
@Suite(.serialized) struct MemoryTests {
  @Test func residentMemoryStaysFlat() throws {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.batch = 16
    topology.steps = 84
    topology.evaluate = "{every: 84, clips: 1, split: validation}"
    let run = try RunHandle(topology, faults: "decode=mock:0,train=nothing")
    func resident() throws -> [String: Int]? {
      guard let workers = try run.status()?["workers"] as? [[String: Any]] else { return nil }
      var sizes: [String: Int] = [:]
      for worker in workers {
        guard let id = worker["id"] as? String, let counters = worker["counters"] as? [String: Any] else { continue }
        sizes[id] = counters["residentBytes"] as? Int
      }
      return sizes.filter { $0.value > 0 }
    }
    try run.waitForStep(17)
    let early = try #require(try resident())
    try run.waitForStep(76)
    let late = try #require(try resident())
    _ = try run.report()
    #expect(late.count >= 6)
    for (worker, bytes) in late {
      let before = try #require(early[worker])
      #expect(Double(bytes) <= 1.05 * Double(before) + Double(8 << 20), "\(worker): \(before) → \(bytes)")
    }
  }
}
