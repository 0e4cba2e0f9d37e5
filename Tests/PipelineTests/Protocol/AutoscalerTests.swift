import Pipeline
import Testing
import Topology

/// Time is handed in: each call is a second later.
@Suite struct AutoscalerTests {
  private final class World {
    var scaler: Autoscaler
    var counts: [Stage: Int]
    var now = 0.0
    var log: [String] = []

    init(_ limits: [Stage: ClosedRange<Int>], _ counts: [Stage: Int]) {
      scaler = Autoscaler(limits: limits)
      self.counts = counts
    }

    func pass(_ seconds: Int, _ shares: (World) -> [Stage: Double]) {
      for _ in 0..<seconds {
        for decision in scaler.decide(waitShares: shares(self), counts: counts, now: now) {
          log.append("\(Int(now)): \(decision.stage.rawValue) \(decision.from) \(decision.to)")
          counts[decision.stage] = decision.to
        }
        now += 1
      }
    }
  }

  @Test func theStageThatOthersWaitForGrows() throws {
    let world = World([.decode: 1...6, .augment: 1...2], [.decode: 1, .augment: 1])
    world.pass(200) { _ in [.decode: 0.02, .augment: 0.9, .train: 0.8] }
    #expect(world.log == ["10: decode 1 2", "40: decode 2 3", "70: decode 3 4", "100: decode 4 5", "130: decode 5 6"])
    var scaler = Autoscaler(limits: [.decode: 1...64])
    _ = scaler.decide(waitShares: [.decode: 0.02, .train: 0.8], counts: [.decode: 40], now: 5)
    let decision = try #require(
      scaler.decide(waitShares: [.decode: 0.02, .train: 0.8], counts: [.decode: 40], now: 15).first)
    #expect(decision.to == 50 && decision.reason == "the others wait for it: its workers waited 2 % for 10 s")
  }

  @Test func itStaysWhereTrainingIsTheShortStage() {
    let world = World([.decode: 1...6], [.decode: 2])
    world.pass(300) { _ in [.decode: 0.15, .augment: 0.9, .train: 0.01] }
    #expect(world.log.isEmpty)
  }

  @Test func aMomentDecidesNothing() {
    let world = World([.decode: 1...6], [.decode: 2])
    world.pass(300) { world in
      let second = Int(world.now) % 12
      return [.decode: second < 9 ? 0.01 : 0.4, .train: 0.7]
    }
    #expect(world.log.isEmpty, "9 of 12 seconds are not 10 in a row")
  }

  @Test func idleWorkersGoUntilThoseLeftHaveWork() {
    let world = World([.decode: 1...8], [.decode: 8])
    // Work for two workers.
    world.pass(1000) { world in [.decode: 1 - 2.0 / Double(world.counts[.decode]!), .train: 0.05] }
    #expect(world.counts[.decode] == 4, "four wait half of the time: \(world.log)")
    #expect(world.log.first == "60: decode 8 7")
  }

  /// Work that lies between two numbers of workers does not make it swing.
  @Test(arguments: [0.5, 1.3, 1.5, 1.7, 2.2, 2.9, 3.5, 5.5]) func itComesToRest(work: Double) {
    let world = World([.decode: 1...8], [.decode: 1])
    func shares(_ world: World) -> [Stage: Double] {
      let count = Double(world.counts[.decode]!)
      return [.decode: max(0, 1 - work / count), .train: max(0, 1 - min(count, work) / work)]
    }
    world.pass(1500, shares)
    let settled = world.log.count
    world.pass(3000, shares)
    #expect(world.log.count == settled, "\(world.log)")
    #expect(Double(world.counts[.decode]!) >= work.rounded(.down))
  }

  @Test func limitsHoldAtOnce() {
    let world = World([.decode: 2...4, .augment: 1...1], [.decode: 1, .augment: 3])
    world.pass(5) { _ in [:] }
    #expect(world.log == ["0: decode 1 2", "0: augment 3 1"])
  }
}
