import Foundation
import Glibc
import Testing

/// Two hosts, live scaling, taps, and nothing left behind.
@Suite(.serialized) struct LiveTests {
  func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }

  @Test func twoNodesTrainTogetherAndScaleLive() throws {
    var single = try topology()
    single.steps = 40
    let expected = try hash(single.undisturbed())
    var two = single
    let port = Int.random(in: 20000..<30000)
    two.hosts = """
      a: {address: 127.0.0.1, coordinator: true, port: \(port), decode: 1, batch: 1, train: 1, average: 1, evaluate: 1}
      b: {address: 127.0.0.2, decode: 1, augment: 1, batch: 1, train: 1}
      """
    let file = try two.write()
    let output = Workspace.shared.scratch().appendingPathComponent("run").path
    // The host without the coordinator starts first and finds it by itself.
    let b = try Sluice.Live(["node", file, "--host", "b"])
    let a = try Sluice.Live(["node", file, "--host", "a", "--output", output, "--json"])
    func status() throws -> [String: Any]? {
      let answer = try Sluice.run(["status", "--run", "tcp://127.0.0.1:\(port)", "--json"])
      return answer.status == 0 ? try answer.json() : nil
    }
    func decoders() throws -> [String]? {
      let workers = try status()?["workers"] as? [[String: Any]]
      return workers?.filter { $0["stage"] as? String == "decode" }.compactMap { $0["id"] as? String }
    }
    _ = try eventually("both hosts' decoders; a: \(a.errors) b: \(b.errors)") {
      try decoders()?.count == 2 ? true : nil
    }
    // Its workers of the other host would take the place of this run's.
    let second = Workspace.shared.scratch().appendingPathComponent("second").path
    let refused = try Sluice.run(["run", file, "--output", second])
    #expect(refused.status == 1 && refused.stderr.contains("tcp://127.0.0.1:\(port): in use"), "\(refused.stderr)")
    #expect(!FileManager.default.fileExists(atPath: second))
    let scaled = try Sluice.run(["scale", "decode=3", "--run", "tcp://127.0.0.1:\(port)", "--json"])
    #expect(scaled.status == 0, "\(scaled.stderr)")
    _ = try eventually("three decoders") { try decoders()?.count == 3 ? true : nil }
    let ended = try a.wait(seconds: 90)
    #expect(ended.status == 0, "\(ended.stderr)")
    #expect(try b.wait(seconds: 30).status == 0)
    let report = try ended.json()
    #expect(try hash(report) == expected)
    #expect(report["samples_used"] as? Int == report["samples_planned"] as? Int)
    for stage in ["batch", "train"] {
      let done = work(report, stage)
      #expect(done.keys.contains { $0.hasPrefix("a/") } && done.keys.contains { $0.hasPrefix("b/") }, "\(done)")
    }
  }

  /// Decoders that have work would hold up the threads of a train worker, which wait for each other.
  @Test func preparationGivesWayToTrainingOnItsHost() throws {
    var long = try topology()
    long.steps = 100_000
    let run = try RunHandle(long)
    try run.waitForStep(2)
    let own = Int(getpriority(.init(PRIO_PROCESS.rawValue), 0))
    for (stage, more) in [("decode", 10), ("augment", 10), ("batch", 0), ("train", 0), ("average", 0)] {
      let process = try #require(try run.processes(stage).first)
      // Those of the stage; dispatch has priorities of its own for its threads.
      let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").filter {
        let name = try? String(contentsOfFile: "/proc/\(process)/task/\($0)/comm", encoding: .utf8)
        return name?.hasPrefix(stage) == true
      }
      let niceness = Set(threads.compactMap(id_t.init).map { Int(getpriority(.init(PRIO_PROCESS.rawValue), $0)) })
      #expect(niceness == [min(own + more, 19)], "\(stage)")
    }
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.live.wait(seconds: 60).status == 0)
  }

  /// Training waits for a slow decoder: the coordinator asks for more, and says why; `top` shows it.
  @Test func aStageThatOthersWaitForGrowsByItself() throws {
    var one = try topology()
    one.steps = 30
    let faults = "decode=mock:0.12"
    let fixed = try RunHandle(one, faults: "decode=mock:0").report()
    one.extra = "autoscale: {decode: {min: 1, max: 2}, augment: {max: 1}}"
    let run = try RunHandle(one, faults: faults)
    _ = try eventually("two decoders; \(run.live.errors)", seconds: 60) {
      let workers = try run.status()?["workers"] as? [[String: Any]] ?? []
      return workers.count { $0["stage"] as? String == "decode" } == 2 ? true : nil
    }
    let top = try Sluice.run(["top", "--run", run.output, "--count", "2", "--interval", "0.5"])
    #expect(top.status == 0, "\(top.stderr)")
    for text in [
      "short of: decode", "autoscale: decode 1 → 2: the others wait for it", "  decode/0", "  average/0", "MiB",
    ] {
      #expect(top.stdout.contains(text), "\(text) in \(top.stdout)")
    }
    let report = try run.report(seconds: 120)
    #expect(try hash(report) == hash(fixed))
    #expect(run.live.errors.contains("autoscale: decode 1 → 2: the others wait for it: its workers waited"))
  }

  /// The shard beside a train worker stays, and a worker that joined is one: a total is shared out by that. Told to go, it
  /// says so and ends.
  @Test func aJoinedWorkerIsCountedAndMayBeSentAway() throws {
    var long = try topology()
    long.steps = 100_000
    let port = Int.random(in: 20000..<30000)
    long.hosts = """
      a: {address: 127.0.0.1, coordinator: true, port: \(port), decode: 2, augment: 1, batch: 1, train: 2, average: beside-train, evaluate: 1}
      b: {address: 127.0.0.2, train: 1, average: beside-train}
      """
    let run = try RunHandle(long)
    try run.waitForStep(1)
    let worker = try Sluice.Live(["worker", "decode", "--join", "tcp://127.0.0.1:\(port)", "--host", "a"])
    // That have reported: who is told to go before it has heard its welcome ends unasked, and counts as lost.
    func workers(_ stage: String, _ count: Int) throws {
      _ = try eventually("\(count) \(stage); \(worker.errors)") { try run.reporting(stage) == count ? true : nil }
    }
    func scale(_ arguments: String...) throws -> Sluice.Output {
      try Sluice.run(["scale"] + arguments + ["--run", run.output])
    }
    try workers("decode", 3)
    #expect(try scale("train=3").status == 0)
    #expect(try scale("decode=4", "--host", "a").status == 0)
    try workers("decode", 4)
    #expect(try run.processes("train").count == 3, "three have a shard and nothing is to be changed")
    let few = try scale("train=2")
    #expect(few.status > 0 && few.stderr.contains("3 share their process with an average shard"), "\(few.stderr)")
    let unknown = try scale("decode=2", "--host", "c")
    #expect(unknown.stderr.contains("no node c in this run; nodes: a, b"), "\(unknown.stderr)")
    #expect(try scale("decode=1").status == 0)
    let ended = try worker.wait(seconds: 20)
    #expect(ended.status == 4 && ended.stderr.contains("leaves the run, which is to have fewer decode workers"))
    try workers("decode", 1)
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.report()["workers_lost"] as? Int == 0, "\(run.live.errors)")
  }

  /// Nodes and workers come back to a coordinator that was started again one after the other: nothing follows from that.
  @Test func aRestartOfTheCoordinatorScalesNothing() throws {
    var long = try topology()
    long.steps = 100_000
    long.count(["decode": 6])
    long.evaluate = "{every: 100000, clips: 2, split: validation}"
    long.extra = "autoscale: {decode: {min: 4, max: 8}}"
    let run = try RunHandle(long, faults: "decode=mock:0")
    try run.waitForStep(1)
    let decoders = try run.processes("decode")
    for _ in 0..<2 {
      let coordinator = try run.coordinatorProcess()
      kill(coordinator, SIGKILL)
      let step = run.step()
      _ = try eventually("the decoders again: \(run.live.errors)") {
        try run.step() > step + 2 && run.coordinatorProcess() != coordinator && run.processes("decode").count >= 6
          ? true : nil
      }
    }
    #expect(try Set(run.processes("decode")) == Set(decoders), "\(run.live.errors)")
    #expect(!run.live.errors.contains("autoscale:"), "\(run.live.errors)")
    kill(run.live.process.processIdentifier, SIGTERM)
    _ = try run.report()
  }

  /// A tap gives up; a worker waits for its coordinator, and says so.
  @Test func whereNobodyListensIsNamed() throws {
    let nobody = "tcp://127.0.0.1:\(Int.random(in: 20000..<30000))"
    let tap = try Sluice.Live(["tap", "augment", "--run", nobody])
    let worker = try Sluice.Live(["worker", "decode", "--join", nobody])
    _ = try eventually("a word of the worker's", seconds: 10) {
      worker.errors.contains("no coordinator at \(nobody) yet") ? true : nil
    }
    kill(worker.process.processIdentifier, SIGTERM)
    #expect(try worker.wait(seconds: 4).status == 0)
    let refused = try tap.wait(seconds: 20)
    #expect(refused.status > 0)
    for text in ["\(nobody): no answer from a coordinator", "need --keys"] {
      #expect(refused.stderr.contains(text), "\(refused.stderr)")
    }
    #expect(worker.errors.contains("need --keys"), "\(worker.errors)")
  }

  @Test func aTapOnEveryStageShowsWhatItMakes() throws {
    var long = try topology()
    long.steps = 4000
    long.evaluate = "{every: 8, clips: 2, split: validation}"
    let run = try RunHandle(long)
    try run.waitForStep(2)
    for stage in ["plan", "decode", "augment", "batch", "train", "average", "evaluate"] {
      let directory = Workspace.shared.scratch().path
      let tap = try Sluice.run([
        "tap", stage, "--every", "2", "--limit", "3", "--timeout", "30", "--output", directory, "--run", run.output,
      ])
      #expect(tap.status == 0, "\(tap.stderr)")
      #expect(tap.stdout.split(separator: "\n").count == 3, "\(stage): \(tap.stdout)")
      #expect(tap.stdout.contains("\"stage\":\"\(stage)\""))
      let sheets = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".png") }
      #expect(sheets.isEmpty == !["decode", "augment", "batch"].contains(stage), "\(stage): \(sheets)")
    }
    try expectPythonSeesTheTap(run)
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.report()["stopped"] as? Bool == true)
  }

  /// The ten-line client in another language gets a clip.
  private func expectPythonSeesTheTap(_ run: RunHandle) throws {
    let workers = try #require(try run.status()?["workers"] as? [[String: Any]])
    let augment = try #require(workers.first { $0["stage"] as? String == "augment" })
    let endpoint = try #require((augment["tap"] as? [String: String])?["ipc"])
    let output = Pipe()
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    python.arguments = [
      DocumentationTests.repository.appendingPathComponent("scripts/python/tap.py").path, endpoint,
    ]
    python.standardOutput = output
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.contains("augment/1") && text.contains("'shape': [4, 32, 32, 3]"), "\(text)")
    #expect(text.contains("[\(4 * 32 * 32 * 3)]"))
  }

  @Test func nothingOutlivesAKilledSupervisor() throws {
    var long = try topology()
    long.steps = 4000
    let run = try RunHandle(long)
    try run.waitForStep(2)
    let children = try ["decode", "augment", "batch", "train", "average"].flatMap { try run.processes($0) }
    #expect(children.count == 5)
    let coordinator = try run.coordinatorProcess()
    kill(run.live.process.processIdentifier, SIGKILL)
    _ = try run.live.wait(seconds: 10)
    _ = try eventually("the end of all children", seconds: 10) {
      (children + [coordinator]).allSatisfy { !FileManager.default.fileExists(atPath: "/proc/\($0)/exe") } ? true : nil
    }
    // What is left is a run that resumes, and counts the time of what was killed.
    let step = run.step()
    let before = try run.metric("seconds", at: step)
    let resumed = try RunHandle(long, ["--resume", "--stop-after", "\(step + 1)"], output: run.output).report()
    #expect(resumed["steps"] as? Int == step + 1)
    let after = try run.metric("seconds", at: step + 1)
    #expect(try #require(resumed["seconds"] as? Double) > before + after, "\(before) s, then \(after) s")
  }

  /// As a batch system or service manager does that stops a run: every process hears it, the supervisor twice.
  @Test func aRequestToAllProcessesIsOneRequest() throws {
    var long = try topology()
    long.steps = 40
    let expected = try hash(long.undisturbed())
    let run = try RunHandle(long, faults: "pace=0.02")
    try run.waitForStep(2)
    let children = try ["decode", "augment", "batch", "train", "average"].flatMap { try run.processes($0) }
    let supervisor = run.live.process.processIdentifier
    for process in [supervisor] + children + [try run.coordinatorProcess(), supervisor] { kill(process, SIGTERM) }
    let stopped = try run.report()
    #expect(stopped["stopped"] as? Bool == true && stopped["workers_lost"] as? Int == 0, "\(run.live.errors)")
    let resumed = try RunHandle(long, ["--resume"], output: run.output).report()
    #expect(try hash(resumed) == expected)
    #expect(resumed["steps_rolled_back"] as? Int == 0, "the open step was finished and written")
  }

  @Test func chainedStagesChangeNothing() throws {
    var chained = try topology()
    chained.hosts =
      "here: {address: 127.0.0.1, coordinator: true, decode: 2, augment: 2, batch: 1, train: 1, average: 1, "
      + "evaluate: 1, chain: [decode, augment]}"
    let report = try RunHandle(chained).report()
    #expect(try hash(report) == hash(ReproducibilityTests.baseline.get()))
    #expect(work(report, "augment").count == 2)
  }

  @Test func anExtraWorkerJoinsFromOutside() throws {
    var long = try topology()
    long.steps = 4000
    let run = try RunHandle(long)
    try run.waitForStep(2)
    let identity = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: "\(run.output)/run.json")))
    let control = try #require((identity as? [String: Any])?["control"] as? String)
    let worker = try Sluice.Live(["worker", "decode", "--join", control, "--host", "here"])
    _ = try eventually("a second decoder; \(worker.errors)") { try run.processes("decode").count == 2 ? true : nil }
    kill(worker.process.processIdentifier, SIGTERM)
    #expect(try worker.wait(seconds: 20).status == 0)
    _ = try eventually("its end") { try run.processes("decode").count == 1 ? true : nil }
    kill(run.live.process.processIdentifier, SIGTERM)
    let report = try run.report()
    #expect(report["workers_lost"] as? Int == 0, "a worker that leaves is not lost: \(run.live.errors)")
  }
}
