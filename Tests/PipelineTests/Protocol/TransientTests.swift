import Pipeline
import Testing
import Topology

/// What fails for no fault of the file's: tried again, then the run ends, or goes on with a note.
@Suite struct TransientTests {
  private func machine(substitutes: Bool) -> RunMachine {
    var settings = RunMachine.Settings(replicas: 1, batch: 1, inFlightRounds: 1, shards: 1, finalVersion: 1)
    settings.window.transientRetries = 1
    settings.window.substitutesTransients = substitutes
    var machine = RunMachine(settings: settings)
    machine.join("d", stage: .decode)
    machine.join("a", stage: .augment)
    machine.join("b", stage: .batch)
    machine.start(from: 0, attempts: [], evaluations: [])
    return machine
  }

  private func leased(_ actions: [RunMachine.Action]) -> [ItemKey] {
    actions.compactMap { if case .lease(let grant) = $0 { grant.key } else { nil } }
  }

  /// The clip fails twice, with one retry allowed.
  private func failTwice(_ machine: inout RunMachine) throws -> (key: ItemKey, actions: [RunMachine.Action]) {
    let key = try #require(leased(machine.advance(now: 0)).first)
    #expect(machine.failed(key, by: "d", .transient(reason: "EIO"), now: 1) == [])
    #expect(leased(machine.advance(now: 10)) == [key], "tried again after a while")
    return (key, machine.failed(key, by: "d", .transient(reason: "EIO"), now: 11))
  }

  @Test func tooManyEndTheRun() throws {
    var machine = machine(substitutes: false)
    let actions = try failTwice(&machine).actions
    guard case .fail(let error) = try #require(actions.first) else {
      Issue.record("\(actions)")
      return
    }
    #expect(error.code == .transient)
    #expect(error.message.contains("EIO") && error.message.contains("2 tries"))
  }

  @Test func orTheSlotTakesItsNextDraw() throws {
    var machine = machine(substitutes: true)
    let (key, actions) = try failTwice(&machine)
    #expect(actions == [.recordTransient(key, reason: "EIO")])
    var next = key
    next.attempt = 1
    #expect(leased(machine.advance(now: 12)) == [next])
  }

  /// A worker may hang for longer than its lease is remembered: its end is pinned to the clip all the same.
  @Test func whatAWorkerDiedOfIsCountedHoweverLate() throws {
    var machine = machine(substitutes: false)
    let key = try #require(leased(machine.advance(now: 0)).first)
    #expect(leased(machine.advance(now: 1000)) == [key], "the first lease expired")
    machine.leave("d", stage: .decode)
    machine.join("e", stage: .decode)
    #expect(machine.failed(key, by: "d", .transient(reason: "late"), now: 1001) == [], "its lease is gone")
    #expect(machine.failed(key, by: nil, .transient(reason: "hung"), now: 1001) == [])
    guard case .fail? = machine.failed(key, by: nil, .transient(reason: "hung"), now: 1002).first else {
      Issue.record("two hung, one retry is allowed")
      return
    }
  }

  @Test func nothingIsLeasedToAWorkerThatHangsWhileThereAreOthers() throws {
    var settings = RunMachine.Settings(replicas: 1, batch: 4, inFlightRounds: 1, shards: 1, finalVersion: 1)
    settings.window.leasesPerDecoder = 4
    var machine = RunMachine(settings: settings)
    for worker in ["d", "e"] { machine.join(worker, stage: .decode) }
    machine.join("a", stage: .augment)
    machine.join("b", stage: .batch)
    machine.start(from: 0, attempts: [], evaluations: [])
    machine.isAtOneClip("d", seconds: 100)
    let routes = machine.advance(now: 0).compactMap { action -> WorkerID? in
      if case .lease(let grant) = action { grant.route.decode } else { nil }
    }
    #expect(routes == ["e", "e", "e", "e"])
    #expect(machine.openStepLacksClips)
  }

  @Test func whatIsOutIsSaidAgain() throws {
    var machine = machine(substitutes: false)
    machine.join("t", stage: .train)
    let key = try #require(leased(machine.advance(now: 0)).first)
    #expect(machine.reminders == [])
    machine.accepted(key, owner: try #require(machine.window.owner(of: key.group)), now: 1)
    let train = RunMachine.Action.train(
      ReplicaShare(step: key.group.step, node: .leaf(key.group.index)), worker: "t", batches: ["b"])
    #expect(machine.advance(now: 1) == [train])
    #expect(machine.reminders == [train])
  }
}
