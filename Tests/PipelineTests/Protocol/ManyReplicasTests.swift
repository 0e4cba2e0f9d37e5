import Pipeline
import Testing
import Topology

/// What the coordinator decides costs as much for a replica among many as for one among few.
@Suite struct ManyReplicasTests {
  @Test func aStepTakesTimeInProportion() {
    let replicas = 16_384
    var machine = RunMachine(
      settings: RunMachine.Settings(replicas: replicas, batch: 1, inFlightRounds: 2, shards: 1, finalVersion: 2))
    machine.join("d", stage: .decode)
    machine.join("a", stage: .augment)
    machine.join("b", stage: .batch)
    machine.join("t", stage: .train)
    machine.start(from: 0, attempts: [], evaluations: [])
    let begun = ContinuousClock.now
    var trained = 0
    var isCommitted = false
    var actions = machine.advance(now: 0)
    while !actions.isEmpty, !isCommitted {
      for action in actions {
        switch action {
        case .lease(let grant): machine.accepted(grant.key, owner: grant.route.owner, now: 0)
        case .train(let share, let worker, _):
          let reports = share.groups(of: ReplicaTree(replicas: replicas)).map {
            TrainedReport(
              group: $0, consumed: .of(group: $0, attempts: [0]), loss: 1, correct: 0, seconds: 1)
          }
          #expect(machine.trained(reports, by: worker) == [])
          trained += reports.count
          if trained == replicas { machine.applied(shard: 0, version: 1) }
        case .commit(let version, let reports):
          #expect(version == 1 && reports.count == replicas)
          isCommitted = true
        default: Issue.record("\(action)")
        }
      }
      actions = machine.advance(now: 0)
    }
    #expect(isCommitted)
    // A second or so; looking at every replica at every event takes minutes.
    #expect(ContinuousClock.now - begun < .seconds(30))
  }
}
