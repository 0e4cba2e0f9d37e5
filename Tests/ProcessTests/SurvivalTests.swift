import Foundation
import Glibc
import Testing

/// Workers that stop and go on, hosts that go and come back, and many replicas on few workers.
@Suite(.serialized) struct SurvivalTests {
  private func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }

  /// Two workers of every stage; a host that is silent for a second is taken for lost.
  private static func impatient() throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.steps = 60
    topology.evaluate = "{every: 5, clips: 2, split: validation}"
    topology.count(["decode": 2, "augment": 2, "batch": 2, "train": 2, "average": 2, "evaluate": 2])
    topology.extra = "lost_after: 1\nlease_floor: 0.5"
    return topology
  }

  private static let undisturbed: Result<Outcome, any Error> = Result { try Outcome(RunHandle(impatient()).report()) }

  private struct Outcome: Equatable {
    var hash: String
    var evaluation: [String: Double]

    init(_ report: [String: Any]) throws {
      hash = try ProcessTests.hash(report)
      evaluation = try #require(report["evaluation"] as? [String: Double])
    }
  }

  /// Stopped for longer than a silent host is waited for: it is taken for lost, and comes back.
  @Test(arguments: ["decode", "augment", "batch", "train", "average", "evaluate"])
  func aWorkerThatIsStoppedAndGoesOnDoesNoHarm(stage: String) throws {
    let expected = try Self.undisturbed.get()
    let topology = try Self.impatient()
    let run = try RunHandle(topology, faults: "pace=0.02")
    try run.waitForStep(3)
    let victim = try #require(try run.processes(stage).first)
    #expect(kill(victim, SIGSTOP) == 0)
    _ = try eventually("a word on the loss; \(run.live.errors)") {
      run.live.errors.contains("#\(victim): silent for 1 s") ? true : nil
    }
    let step = run.step()
    #expect(step < 60)
    // The others go on without it; nothing goes on without a shard.
    if stage != "average" { try run.waitForStep(step + 2) }
    #expect(kill(victim, SIGCONT) == 0)
    _ = try eventually("its return") { try run.processes(stage).contains(victim) ? true : nil }
    #expect(try Outcome(run.report()) == expected)
  }

  /// All at once, as on a machine that stood still: shards that were only silent go on from where they are.
  @Test func workersThatAreAllStoppedAndGoOnDoNoHarm() throws {
    let expected = try Self.undisturbed.get()
    let run = try RunHandle(Self.impatient(), faults: "pace=0.02")
    try run.waitForStep(12)
    let workers = try ["decode", "augment", "batch", "train", "average", "evaluate"].flatMap { try run.processes($0) }
    #expect(workers.count == 12)
    for worker in workers { kill(worker, SIGSTOP) }
    _ = try eventually("a word on every loss; \(run.live.errors)") {
      workers.allSatisfy { run.live.errors.contains("#\($0): silent for 1 s") } ? true : nil
    }
    for worker in workers { kill(worker, SIGCONT) }
    #expect(try Outcome(run.report()) == expected)
  }

  /// A run that is asked to stop while its coordinator is dead and waits to be started again, stops all the same.
  @Test func stoppedWhileTheCoordinatorIsAway() throws {
    var topology = try topology()
    topology.steps = 100_000
    let run = try RunHandle(topology)
    try run.waitForStep(2)
    for _ in 0..<4 {
      let coordinator = try run.coordinatorProcess()
      kill(coordinator, SIGKILL)
      _ = try eventually("its end") { kill(coordinator, 0) == 0 ? nil : true }
    }
    kill(run.live.process.processIdentifier, SIGTERM)
    let report = try run.report()
    #expect(report["stopped"] as? Bool == true)
    // What was trained after the last checkpoint is trained again.
    let steps = try #require(report["steps"] as? Int)
    let more = "\(steps + 4)"
    let resumed = try RunHandle(topology, ["--resume", "--stop-after", more], output: run.output).report()
    #expect(try hash(resumed) == hash(RunHandle(topology, ["--stop-after", more]).report()))
  }

  /// Everything on the coordinator's host goes at once and comes back later; the other host waits, and says so.
  @Test func theCoordinatorsHostIsRebooted() throws {
    var topology = try topology()
    topology.steps = 40
    let expected = try hash(topology.undisturbed())
    let port = Int.random(in: 20000..<30000)
    topology.hosts = """
      a: {address: 127.0.0.1, coordinator: true, port: \(port), batch: 1, average: 1, evaluate: 1}
      b: {address: 127.0.0.2, decode: 1, augment: 1, train: 1}
      """
    let file = try topology.write()
    let output = Workspace.shared.scratch().appendingPathComponent("run").path
    let b = try Sluice.Live(["node", file, "--host", "b"], faults: "pace=0.01")
    let a = try RunHandle(topology, output: output, command: ["node", file, "--host", "a"])
    try a.waitForStep(6)
    kill(a.live.process.processIdentifier, SIGKILL)
    _ = try a.live.wait(seconds: 10)
    let step = a.step()
    #expect(step < 40)
    _ = try eventually("a word of b's on the silence; \(b.errors)") {
      b.errors.contains("b: the coordinator at tcp://127.0.0.1:\(port) has been silent for") ? true : nil
    }
    #expect(b.process.isRunning)
    let again = try RunHandle(topology, ["--resume"], output: output, command: ["node", file, "--host", "a"])
    #expect(try hash(again.report()) == expected)
    #expect(try b.wait(seconds: 30).status == 0)
    #expect(b.errors.contains("the coordinator at tcp://127.0.0.1:\(port) is back"), "\(b.errors)")
  }

  /// A node that is killed leaves workers that nobody reports: those of the node that is started again take their places.
  @Test func aNodeThatIsKilledAndStartedAgainTakesItsPlacesBack() throws {
    var topology = try topology()
    topology.steps = 40
    let expected = try hash(topology.undisturbed())
    let port = Int.random(in: 20000..<30000)
    topology.hosts = """
      a: {address: 127.0.0.1, coordinator: true, port: \(port), decode: 1, augment: 1, batch: 1, train: 1, evaluate: 1}
      b: {address: 127.0.0.2, average: 1}
      """
    let file = try topology.write()
    let b = try Sluice.Live(["node", file, "--host", "b"])
    let a = try RunHandle(topology, faults: "pace=0.01", command: ["node", file, "--host", "a"])
    try a.waitForStep(6)
    kill(b.process.processIdentifier, SIGKILL)
    _ = try b.wait(seconds: 10)
    #expect(a.step() < 40)
    let again = try Sluice.Live(["node", file, "--host", "b"])
    let report = try a.report(seconds: 40)
    #expect(try hash(report) == expected)
    #expect(a.live.errors.contains("replaced by b/average/0#"), "\(a.live.errors)")
    #expect(try again.wait(seconds: 30).status == 0)
  }

  /// Replicas are logical: as many as the paper has, and a number that is no power of two.
  @Test(arguments: [(128, [1, 2, 3, 4]), (100, [1, 3])])
  func manyReplicasAreTheSameOnAnyNumberOfTrainWorkers(replicas: Int, counts: [Int]) throws {
    var topology = try topology()
    topology.steps = 2
    topology.replicas = replicas
    topology.batch = 2
    var hashes: Set<String> = []
    for workers in counts {
      topology.count(["decode": 2, "train": workers])
      let report = try RunHandle(topology).report()
      #expect(report["samples_used"] as? Int == 2 * replicas * 2)
      #expect(work(report, "train").count == workers)
      hashes.insert(try hash(report))
    }
    #expect(hashes.count == 1)
  }
}
