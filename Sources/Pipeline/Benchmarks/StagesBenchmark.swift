import Foundation
package import Topology

/// Costs of every stage, from two short real runs with one worker of each stage on this machine: one with hardly any network, so that
/// all that comes before training is at work all the time, and one with the topology's own for training and the average.
package struct StagesBenchmark: Sendable {
  private let topology: Topology
  private let steps: Int
  private let executable: String

  /// Steps before the first look: the network chooses its methods, caches fill.
  private static let warmUpSteps = 3
  private static let lookInterval = Duration.milliseconds(250)

  /// Clips of the run without training, so that it takes some seconds.
  private static let clipsBeforeTraining = 600

  /// - Parameter steps: measured steps, of two replicas at most.
  package init(topology: Topology, steps: Int, executable: String) {
    self.topology = Self.alone(topology)
    self.steps = steps
    self.executable = executable
  }

  /// The topology with one worker of each stage, on this machine, and nothing else to do.
  private static func alone(_ topology: Topology) -> Topology {
    var alone = topology
    let stages: [Stage] = [.decode, .augment, .batch, .train, .average]
    alone.hosts = [
      Topology.Host(
        name: "here", address: "127.0.0.1", coordinator: true,
        counts: Dictionary(uniqueKeysWithValues: stages.map { ($0, 1) }))
    ]
    alone.train.replicas = min(2, topology.train.replicas)
    alone.train.threads = min(topology.train.threads, cores)
    alone.evaluate = nil
    alone.autoscale = [:]
    alone.links.security = .none
    return alone
  }

  private static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

  private struct Look {
    var status: RunStatus
    var at: Double
    var trained: Int
  }

  /// - Throws: what the runs throw; `.configuration` when one was too short to measure.
  package func run() async throws -> StageCosts {
    var small = topology
    (small.train.network, small.train.width) = ("r2plus1d-10", 0.05)
    (small.train.weights, small.train.inflate) = (nil, false)
    let before = try await looks(at: small, steps: max(steps, Self.clipsBeforeTraining / topology.train.clipsPerStep))
    let training = try await looks(at: topology, steps: steps)
    return costs(before, training)
  }

  /// Two moments of a run at which the train worker had just ended a replica's round.
  private func looks(at topology: Topology, steps: Int) async throws -> (first: Look, last: Look) {
    var topology = topology
    let all = Self.warmUpSteps + steps
    (topology.train.steps, topology.train.epochs) = (all, nil)
    topology.checkpoint = Topology.Checkpoint(every: all, keep: 1)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = RunDirectory(path: folder.path)
    let launcher = RunLauncher(topology: topology, directory: directory, hosts: topology.hosts, executable: executable)
    async let report = launcher.run()
    let looks = await look(at: directory)
    _ = try await report
    guard let looks else {
      throw PipelineError(.configuration, "the run was too short to measure: give more --steps")
    }
    return looks
  }

  /// Looks at the run until it has ended, or will not start.
  /// - Returns: two moments at which the train worker had just ended a replica's round.
  private func look(at directory: RunDirectory) async -> (first: Look, last: Look)? {
    var client: RunClient?
    var first: Look?
    var last: Look?
    var trained = 0
    let deadline = Monotonic.seconds() + Self.patienceSeconds
    while true {
      do { try await Task.sleep(for: Self.lookInterval) } catch { return nil }
      client = client ?? (try? RunClient(run: directory.path, role: .operator))
      guard let client, let status = try? client.ask(ClientRequest(action: .status)) else {
        // Not there yet, or not any more.
        if first != nil || Monotonic.seconds() > deadline { break }
        continue
      }
      let done = status.workers.filter { $0.stage == Stage.train.rawValue }.reduce(0) { $0 + $1.counters.items }
      guard done != trained else { continue }
      trained = done
      guard status.version >= Self.warmUpSteps, status.state == "running" else { continue }
      let look = Look(status: status, at: Monotonic.seconds(), trained: done)
      if first == nil { first = look } else { last = look }
    }
    guard let first, let last else { return nil }
    return (first, last)
  }

  /// A run that has not begun after so long has failed: its error says why.
  private static let patienceSeconds = 120.0

  private func costs(
    _ before: (first: Look, last: Look), _ training: (first: Look, last: Look)
  ) -> StageCosts {
    var stages: [Stage: StageCosts.Cost] = [:]
    for stage in [Stage.decode, .augment, .batch] { stages[stage] = cost(of: stage, before, items: 1, threads: 1) }
    let train = topology.train
    stages[.train] = cost(of: .train, training, items: train.clipsPerReplica, threads: train.threads)
    stages[.average] = cost(of: .average, training, items: 1, threads: 1)
    let plan = (before.last.status.coordinatorCPUSeconds - before.first.status.coordinatorCPUSeconds) / clips(before)
    stages[.plan] = StageCosts.Cost(workerSeconds: plan, cpuSeconds: plan)
    return StageCosts(
      topology: topology, cores: Self.cores,
      clipsPerSecond: clips(training) / (training.last.at - training.first.at), stages: stages)
  }

  private func clips(_ looks: (first: Look, last: Look)) -> Double {
    Double((looks.last.trained - looks.first.trained) * topology.train.clipsPerReplica)
  }

  /// - Parameter items: of what is counted, in one item of the worker's.
  private func cost(
    of stage: Stage, _ looks: (first: Look, last: Look), items: Int, threads: Int
  ) -> StageCosts.Cost? {
    guard let before = looks.first.status.counters(stage), let after = looks.last.status.counters(stage),
      after.items > before.items
    else { return nil }
    let count = Double((after.items - before.items) * items)
    let cpu = after.cpuSeconds - before.cpuSeconds
    let waited = after.coreWaitSeconds - before.coreWaitSeconds
    let busy = after.busySeconds - before.busySeconds - waited / Double(threads)
    return StageCosts.Cost(workerSeconds: max(busy, cpu / Double(threads)) / count, cpuSeconds: cpu / count)
  }
}

extension RunStatus {
  fileprivate func counters(_ stage: Stage) -> WorkerCounters? {
    workers.first { $0.stage == stage.rawValue }?.counters
  }
}
