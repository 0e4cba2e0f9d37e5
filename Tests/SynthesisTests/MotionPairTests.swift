import Synthesis
import Testing

@Suite struct MotionPairTests {
  static let scenes = (0..<24).map { Scene(seed: 11, index: $0, seconds: 5...5, width: 170, height: 128) }

  @Test(arguments: MotionPair.allCases)
  func reverseVerbRunsTheSamePhasesBackwards(pair: MotionPair) {
    for scene in Self.scenes {
      let misses = scene.actionFrames.filter { index in
        let forward = scene.phase(frame: index, verb: Verb(pair: pair, isReversed: false))
        let reverse = scene.phase(frame: index, verb: Verb(pair: pair, isReversed: true))
        let sum = forward + reverse - 2 * scene.initialPhase
        return abs(sum - sum.rounded()) > 1e-4 || !(0..<1).contains(forward) || !(0..<1).contains(reverse)
      }
      #expect(misses.isEmpty)
    }
  }

  @Test(arguments: MotionPair.allCases)
  func singleFramesOfAPairHaveTheSameDistribution(pair: MotionPair) {
    let forward = Self.scenes.flatMap { Observation.series($0, Verb(pair: pair, isReversed: false)) }
    let reverse = Self.scenes.flatMap { Observation.series($0, Verb(pair: pair, isReversed: true)) }
    #expect(distributionDistance(forward, reverse) < 0.04)
    // The quantity really moves: its upper and lower fifths are apart.
    let sorted = forward.sorted()
    #expect(sorted[sorted.count * 4 / 5] > sorted[sorted.count / 5])
    // A law that lingered at one end would be noticed.
    let lingering = forward.map { $0 > sorted[sorted.count / 2] ? $0 : sorted[sorted.count / 2] }
    #expect(distributionDistance(lingering, reverse) > 0.3)
  }

  @Test(arguments: MotionPair.allCases)
  func anySecondOfTheActionShowsTheOrder(pair: MotionPair) throws {
    for scene in Self.scenes.prefix(8) {
      let window = Int(scene.framesPerSecond.value.rounded())
      for isReversed in [false, true] {
        let series = Observation.series(scene, Verb(pair: pair, isReversed: isReversed))
        let steps = zip(series, series.dropFirst()).map { ($1 > $0 ? 1 : 0) - ($1 < $0 ? 1 : 0) }
        try #require(steps.count >= window)
        // More steps up than down is the forward verb, in every window of one second.
        let balances = (0...steps.count - window).map { steps[$0..<$0 + window].reduce(0, +) }
        #expect(balances.allSatisfy { isReversed ? $0 < 0 : $0 > 0 }, "reversed: \(isReversed)")
      }
    }
  }

  @Test func cyclesLastASecondAtMost() {
    #expect(Self.scenes.allSatisfy { $0.cycleSeconds <= 1 && $0.cycleSeconds >= 0.5 })
  }
}
