import Pipeline
import Testing
import Topology

/// A worker that takes leases and of which nothing comes, such as one that its peers cannot reach.
@Suite struct FruitlessTests {
  /// Two decode and two augment workers, and steps of eight clips that are trained as soon as they are whole.
  private final class World {
    var machine: RunMachine
    var now = 0.0
    /// Clips leased to each decode worker, and those of them that are still to come.
    var leased: [WorkerID: Int] = [:]
    var coming: [(at: Double, grant: WorkWindow.Grant)] = []
    var found: [WorkerID] = []
    /// Nothing comes of a clip that goes through one of these.
    var lost: Set<WorkerID>

    init(lost: Set<WorkerID>) {
      self.lost = lost
      let settings = RunMachine.Settings(replicas: 1, batch: 8, inFlightRounds: 2, shards: 1, finalVersion: 100_000)
      machine = RunMachine(settings: settings)
      for worker in ["d", "e"] { machine.join(worker, stage: .decode) }
      for worker in ["a", "b"] { machine.join(worker, stage: .augment) }
      machine.join("batch", stage: .batch)
      machine.join("train", stage: .train)
      machine.start(from: 0, attempts: [], evaluations: [])
    }

    func pass(_ seconds: Double) {
      let end = now + seconds
      while now < end {
        now += 0.05
        for due in coming where due.at <= now {
          machine.accepted(due.grant.key, owner: due.grant.route.owner, now: now)
        }
        coming.removeAll { $0.at <= now }
        perform(machine.advance(now: now))
      }
    }

    private func perform(_ actions: [RunMachine.Action]) {
      for action in actions {
        switch action {
        case .lease(let grant):
          leased[grant.route.decode, default: 0] += 1
          guard lost.isDisjoint(with: [grant.route.decode, grant.route.augment]) else { continue }
          coming.append((now + 0.1, grant))
        case .train(let share, let worker, _):
          let group = share.groups(of: ReplicaTree(replicas: 1))[0]
          let attempts = machine.window.attempts(of: group) ?? []
          let consumed = ConsumedDigest.of(group: group, attempts: attempts)
          perform(
            machine.trained(
              [TrainedReport(group: group, consumed: consumed, loss: 1, correct: 0, seconds: 0)], by: worker))
          machine.applied(shard: 0, version: group.step + 1)
        case .fruitless(let worker): found.append(worker)
        default: break
        }
      }
    }
  }

  @Test func itGetsOneLeaseNowAndThenAndIsNamed() {
    let world = World(lost: ["e"])
    world.pass(60)
    #expect(world.found == ["e"], "named once")
    let (before, committed) = (world.leased["e"]!, world.machine.committed)
    world.pass(120)
    #expect(world.leased["e"]! - before <= 6, "\(world.leased["e"]! - before) leases in two minutes")
    let alone = World(lost: [])
    alone.machine.leave("e", stage: .decode)
    alone.pass(120)
    let steps = world.machine.committed - committed
    #expect(steps > alone.machine.committed * 8 / 10, "\(steps) steps with it, \(alone.machine.committed) without")
    // Its peers reach it: it has its part again after the next try.
    world.lost = []
    world.pass(60)
    let late = world.leased["e"]!
    world.pass(10)
    #expect(world.leased["e"]! - late > 50 && world.found == ["e"])
  }

  @Test func anAugmentWorkerIsFoundToo() {
    let world = World(lost: ["b"])
    world.pass(120)
    #expect(world.found.contains("b"), "who was always together with it is tried without it: \(world.found)")
    let (before, found) = (world.leased, world.found)
    world.pass(60)
    for worker in ["d", "e"] { #expect(world.leased[worker]! - before[worker]! > 500) }
    #expect(world.found == found)
  }

  @Test func nobodyIsNamedWhenNothingComesFromAnybody() {
    let world = World(lost: [])
    world.pass(20)
    world.lost = ["d", "e"]
    world.pass(60)
    #expect(world.found == [])
    let before = world.leased
    world.lost = []
    world.pass(60)
    for worker in ["d", "e"] { #expect(world.leased[worker]! - before[worker]! > 100) }
  }
}
