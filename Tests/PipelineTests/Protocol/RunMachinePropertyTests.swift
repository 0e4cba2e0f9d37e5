import Pipeline
import Testing
import Topology

/// The protocol as a whole: it always ends, with every item once, whatever happens on the way.
@Suite struct RunMachinePropertyTests {
  private func expectGood(_ world: ProtocolWorld, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(world.failure == nil, "seed \(world.settings.seed)", sourceLocation: sourceLocation)
    for problem in world.audit.problems.prefix(3) {
      Issue.record("seed \(world.settings.seed): \(problem)", sourceLocation: sourceLocation)
    }
  }

  private func smallest(_ seed: Int) -> ProtocolWorld.Settings {
    var settings = ProtocolWorld.Settings()
    settings.seed = seed
    settings.replicas = [1, 2, 3, 5, 8][seed % 5]
    settings.evaluation = (videos: 3, clips: 2)
    settings.shards = 1 + seed % 2
    return settings
  }

  private func damaged(_ seed: Int) -> ProtocolWorld.Settings {
    var settings = smallest(seed)
    settings.loss = 0.05
    settings.duplication = 0.05
    settings.slowShare = 0.02
    settings.badShare = 0.15
    settings.transientShare = 0.1
    settings.kills = 8
    return settings
  }

  private func large(_ seed: Int) -> ProtocolWorld.Settings {
    var settings = damaged(seed)
    settings.inFlightRounds = 1 + seed % 3
    settings.batch = 1 + seed % 4
    settings.workers = [
      .decode: 1 + seed % 4, .augment: 1 + seed % 2, .batch: 1 + seed % 3, .train: 1 + seed % 4,
      .evaluate: 1 + seed % 2,
    ]
    return settings
  }

  @Test(arguments: 0..<20)
  func smallestWindow(seed: Int) {
    let world = ProtocolWorld(smallest(seed))
    world.run()
    expectGood(world)
    #expect(world.machine.window.expiredCount == 0 && world.audit.backups == 0, "nothing was lost or late")
  }

  @Test(arguments: 0..<100)
  func smallestWindowWithDamage(seed: Int) {
    let world = ProtocolWorld(damaged(seed))
    world.run()
    expectGood(world)
  }

  @Test(arguments: 0..<100)
  func largerWindowsWithDamage(seed: Int) {
    let world = ProtocolWorld(large(seed))
    world.run()
    expectGood(world)
  }

  @Test(arguments: 0..<40)
  func heavyLoss(seed: Int) {
    var settings = large(seed)
    settings.loss = 0.2
    // Deadlines double at each loss: with slow clips they would grow to days of simulated time.
    settings.slowShare = 0
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
  }

  @Test(arguments: 0..<60)
  func shardLossAndRestart(seed: Int) {
    var settings = large(seed)
    settings.steps = 8
    settings.shardLosses = seed % 2 == 0 ? [3, 6] : [1]
    settings.restarts = seed % 3 == 0 ? [] : [2, 5]
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
    #expect(world.settings.shardLosses.isEmpty && world.settings.restarts.isEmpty)
  }

  /// Shards that wait for one another's norms never wait for ever.
  @Test(arguments: 0..<60)
  func clippedGradients(seed: Int) {
    var settings = large(seed)
    settings.steps = 8
    settings.clips = true
    settings.shards = 1 + seed % 3
    settings.shardLosses = seed % 2 == 0 ? [3, 6] : []
    settings.restarts = seed % 3 == 0 ? [] : [2, 4, 5]
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
    #expect(world.settings.shardLosses.isEmpty && world.settings.restarts.isEmpty)
  }

  @Test(arguments: 0..<40)
  func stoppedAndResumedWithOtherWorkers(seed: Int) {
    var settings = large(seed)
    settings.stopEarlyAfter = 2
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
    let stopped = world.machine.committed
    #expect((3..<settings.steps).contains(stopped))
    world.resume(workers: [.decode: 2, .augment: 1, .batch: 2, .train: 3, .evaluate: 1])
    expectGood(world)
    #expect(world.machine.committed == settings.steps)
  }

  /// Workers send one sum for several replicas, and none for more than is their part.
  @Test(arguments: [1, 2, 4])
  func shares(trainWorkers: Int) {
    var settings = smallest(4)
    settings.replicas = 16
    settings.workers[.train] = trainWorkers
    settings.workers[.decode] = 8
    settings.inFlightRounds = 3
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
    #expect((2...16 / trainWorkers).contains(world.audit.largestShare))
  }

  /// All the damage above did happen in these runs.
  @Test func theDamageHappens() {
    var (backups, kills, duplicates, stale, verdicts, rolledBack, expired) = (0, 0, 0, 0, 0, 0, 0)
    for seed in 0..<10 {
      var settings = large(seed)
      settings.steps = 9
      settings.shardLosses = [5]
      let world = ProtocolWorld(settings)
      world.run()
      backups += world.audit.backups
      kills += world.audit.kills
      duplicates += world.audit.duplicateContributions
      stale += world.audit.staleClips
      verdicts += world.audit.verdicts
      rolledBack += world.audit.stepsRolledBack
      expired += world.machine.window.expiredCount
    }
    #expect(backups > 0 && expired > 0)
    #expect(kills > 0 && stale > 0)
    #expect(duplicates > 0)
    #expect(verdicts > 0)
    #expect(rolledBack > 0)
  }

  /// What a worker fails on for its own reasons goes to others.
  @Test(arguments: 0..<20)
  func aSickDecoderDoesNotEndTheRun(seed: Int) {
    var settings = smallest(seed)
    settings.workers[.decode] = 2
    settings.sickDecoder = true
    let world = ProtocolWorld(settings)
    world.run()
    expectGood(world)
  }

  @Test func onlySickDecodersEndTheRun() throws {
    var settings = smallest(1)
    settings.sickDecoder = true
    let world = ProtocolWorld(settings)
    world.run()
    #expect(world.audit.problems.isEmpty)
    let reason = try #require(world.failure).message
    #expect(reason.contains("no room on its disk") && reason.contains("4 tries"), "\(reason)")
  }

  @Test(arguments: ["drop", "repeat", "swap"])
  func aFaultyTrainerEndsTheRun(fault: String) throws {
    var settings = smallest(2)
    settings.tamper = { keys in
      guard keys[0].group.step == 3, keys[0].group.index == 1 else { return keys }
      switch fault {
      case "drop": return Array(keys.dropLast())
      case "repeat": return [keys[0], keys[0]]
      default: return [keys[1], keys[0]]
      }
    }
    let world = ProtocolWorld(settings)
    world.run()
    let failure = try #require(world.failure)
    #expect(failure.code == .audit)
    #expect(failure.message.contains("consumed other clips than planned"), "\(failure)")
    #expect(world.machine.committed == 3)
  }
}
