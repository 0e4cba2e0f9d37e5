import Pipeline
import Tensors
import Topology

/// The plan of a simulated run: which draws cannot be decoded is a pure function of item and attempt.
struct SimulatedPlan {
  private let seed: UInt64
  private let settings: ProtocolWorld.Settings

  init(_ settings: ProtocolWorld.Settings) {
    self.settings = settings
    seed = UInt64(settings.seed)
  }

  private func uniform(_ key: ItemKey, _ stream: UInt64) -> Double {
    var random = TestRandom(seed: Int(truncatingIfNeeded: key.stableHash ^ seed), stream: Int(stream))
    return random.uniform()
  }

  func isBad(_ key: ItemKey) -> Bool { key.attempt < 5 && uniform(key, 1) < settings.badShare }
  func failsInAugment(_ key: ItemKey) -> Bool { uniform(key, 2) < 0.5 }
  func failsOnce(_ key: ItemKey) -> Bool { uniform(key, 3) < settings.transientShare }

  /// The attempt of each slot that the plan alone decides on: the first that is not bad.
  func attempts(_ group: GroupKey) -> [Int] {
    (0..<settings.batch).map { slot in
      (0...5).first { !isBad(ItemKey(group: group, slot: slot, attempt: $0)) }!
    }
  }

  static func payload(_ group: GroupKey, attempts: [Int]) -> String { "\(group.step).\(group.index)\(attempts)" }

  /// What the shards must have summed for a step.
  func sum(step: Int) -> String {
    let tree = ReplicaTree(replicas: settings.replicas)
    var sum = TreeSum<String>(tree: tree)
    for replica in 0..<settings.replicas {
      let group = GroupKey(kind: .training, step: step, index: replica)
      _ = sum.insert(.leaf(replica), Self.payload(group, attempts: attempts(group))) { "(\($0)+\($1))" }
    }
    return sum.total!
  }

  func score(_ group: GroupKey) -> Float { Float(group.step * 1000 + group.index) }

  func isExcluded(video: Int, version: Int) -> Bool {
    let group = GroupKey(kind: .evaluation, step: version, index: video)
    return (0..<settings.evaluation!.clips).contains { isBad(ItemKey(group: group, slot: $0)) }
  }

  var replicas: Int { settings.replicas }
  var batch: Int { settings.batch }
  var videos: Int { settings.evaluation?.videos ?? 0 }
}

/// Watches a simulated run: whatever must hold and does not is a problem.
final class ProtocolAudit {
  private let plan: SimulatedPlan
  private(set) var problems: [String] = []

  var kills = 0
  var duplicateContributions = 0
  var staleClips = 0
  /// Most replicas that one sum was sent for.
  var largestShare = 0
  private(set) var stepsRolledBack = 0
  private(set) var leases = 0
  private(set) var backups = 0
  private(set) var verdicts = 0
  private(set) var results: [Int: EvaluationResult] = [:]
  private var owners: [Int: (group: GroupKey, batch: WorkerID)] = [:]
  private var committedVersion = 0

  init(plan: SimulatedPlan) { self.plan = plan }

  func broken(_ problem: String) { problems.append(problem) }

  private func expect(_ holds: Bool, _ problem: @autoclosure () -> String) {
    if !holds { problems.append(problem()) }
  }

  // MARK: Leases

  func granted(_ grant: WorkWindow.Grant, _ machine: RunMachine) {
    leases += 1
    let group = grant.key.group
    expect(machine.isRunning, "\(grant.key) leased while the run is paused")
    expect(
      group.kind == .evaluation
        || (machine.committed..<min(machine.committed + machine.settings.inFlightRounds, machine.stopAt))
          .contains(group.step),
      "\(grant.key) leased outside the window at version \(machine.committed)")
    let expected = group.kind == .training ? plan.attempts(group)[grant.key.slot] : 0
    expect(grant.key.attempt <= expected, "\(grant.key) leased, but attempt \(expected) is good")
    expect(grant.route.owner > 0, "\(grant.key) leased without an owner")
    if let owner = owners[grant.route.owner] {
      expect(
        owner == (group, grant.route.batch),
        "owner \(grant.route.owner) is \(owner), and again \(group) at \(grant.route.batch)")
    }
    owners[grant.route.owner] = (group, grant.route.batch)
    expect(machine.window.batchWorker(of: group) == grant.route.batch, "\(grant.key) goes to another batch worker")
  }

  func checkLeases(_ machine: RunMachine, workers: [WorkerID: SimulatedWorker], backupsBefore: Int) {
    let window = machine.window
    var loads = 0
    for worker in workers.values where worker.stage == .decode {
      guard let load = window.load(of: worker.id, stage: .decode) else { continue }
      loads += load
      // All clips of an evaluated video go where the first went, also of two videos in turn.
      let further = window.evaluationCount * ((machine.settings.evaluation?.clips ?? 1) - 1)
      let limit = machine.settings.window.leasesPerDecoder + further
      expect((0...limit).contains(load), "\(worker.id) holds \(load) leases, \(limit) are allowed")
    }
    expect(loads == window.leasedCount, "\(window.leasedCount) leases are out, decode workers hold \(loads)")
    if window.backupCount > backupsBefore {
      backups += window.backupCount - backupsBefore
      let limit = max(1, window.leasedCount / 10)
      expect(window.backupCount <= limit, "\(window.backupCount) backups of \(window.leasedCount) leases")
    }
    for group in window.openGroups {
      let slots = group.kind == .training ? plan.batch : machine.settings.evaluation!.clips
      for slot in 0..<slots {
        let count = window.leaseCount(of: group, slot: slot)
        expect(count <= 2, "\(count) live leases of \(group) slot \(slot)")
      }
    }
  }

  func assigned(_ group: GroupKey, _ machine: RunMachine) {
    expect(machine.window.isCollated(group), "\(group) is to be consumed before it is whole")
  }

  func verdict(_ key: ItemKey) {
    verdicts += 1
    expect(plan.isBad(key), "a verdict on \(key), which is good")
  }

  // MARK: Steps

  func consumed(_ keys: [ItemKey], payloads: [[UInt8]], group: GroupKey) {
    let attempts =
      group.kind == .training ? plan.attempts(group) : [Int](repeating: 0, count: keys.count)
    let planned = attempts.enumerated().map { ItemKey(group: group, slot: $0.offset, attempt: $0.element) }
    expect(keys == planned, "\(group) consumed \(keys), planned \(planned)")
    for (key, payload) in zip(keys, payloads) {
      let stored = payload.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      expect(stored == key.stableHash, "\(key) holds another clip's bytes")
    }
  }

  func applied(step: Int, _ sum: String) {
    let expected = plan.sum(step: step)
    expect(sum == expected, "step \(step) summed \(sum), planned \(expected)")
  }

  func started(from version: Int) { committedVersion = version }

  func rolledBack(steps: Int) { stepsRolledBack += steps }

  func committed(_ version: Int, _ reports: [TrainedReport], after previous: Int) {
    expect(version == committedVersion + 1 && previous == committedVersion, "\(version) after \(committedVersion)")
    committedVersion = version
    expect(reports.map(\.group.index) == Array(0..<plan.replicas), "commit \(version) is not of every replica in order")
    for report in reports {
      let expected = ConsumedDigest.of(group: report.group, attempts: plan.attempts(report.group))
      expect(report.group.step == version - 1, "commit \(version) counts \(report.group)")
      expect(report.consumed == expected, "commit \(version): \(report.group) consumed other clips than planned")
    }
  }

  func evaluated(_ result: EvaluationResult) {
    let excluded = (0..<plan.videos).filter { plan.isExcluded(video: $0, version: result.version) }
    expect(result.excluded == excluded, "version \(result.version): excluded \(result.excluded), not \(excluded)")
    for video in 0..<plan.videos where !excluded.contains(video) {
      let group = GroupKey(kind: .evaluation, step: result.version, index: video)
      expect(result.scores[video] == [plan.score(group)], "version \(result.version) video \(video): wrong scores")
    }
    expect(result.scores.count + excluded.count == plan.videos, "version \(result.version): not every video once")
    results[result.version] = result
  }

  // MARK: The end

  func finish(_ world: ProtocolWorld) {
    let settings = world.settings
    let end = world.machine.stopAt
    expect(world.machine.committed == end, "ended at \(world.machine.committed), not \(end)")
    expect(world.ledger.committed == end, "the ledger ends at \(world.ledger.committed)")
    let used = world.ledger.samples.filter { $0.key <= end }.values.reduce(0, +)
    let planned = end * settings.replicas * settings.batch
    expect(used == planned, "\(used) samples used, \(planned) planned")
    guard end == settings.steps, settings.evaluation != nil else { return }
    let due = (1...settings.steps).filter { $0 % settings.evaluateEvery == 0 || $0 == settings.steps }
    expect(results.keys.sorted() == due, "evaluated \(results.keys.sorted()), due \(due)")
  }
}
