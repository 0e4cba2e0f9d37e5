import HeapModule
package import Topology
import Wire

/// The coordinator's decisions as a pure state machine: which groups are open, who gets what, when a step is committed.
/// Events come in, actions go out; the coordinator performs them. Time is handed in.
package struct RunMachine: Sendable {
  package struct Settings: Sendable {
    package var replicas: Int
    /// Clips of a group: those that one replica uses in a round.
    package var batch: Int
    package var inFlightRounds: Int
    package var shards: Int
    /// Whether one worker may send one sum for several replicas; not where contributions are rounded on their way.
    package var sumsSubTrees = true
    /// Videos of the evaluated split and clips of each; nil without evaluation.
    package var evaluation: (videos: Int, clips: Int)?
    package var evaluateEvery = 0
    package var window = WorkWindow.Settings()
    /// The version training is planned to end at; it is always evaluated.
    package var finalVersion: Int

    package init(replicas: Int, batch: Int, inFlightRounds: Int, shards: Int, finalVersion: Int) {
      self.finalVersion = finalVersion
      self.replicas = replicas
      self.batch = batch
      self.inFlightRounds = inFlightRounds
      self.shards = shards
    }
  }

  package enum Action: Sendable, Equatable {
    case lease(WorkWindow.Grant)
    /// - Parameter batches: of each replica of the share, who holds its batch.
    case train(ReplicaShare, worker: WorkerID, batches: [WorkerID])
    case evaluate(GroupKey, worker: WorkerID, batch: WorkerID)
    /// The step is done: all replicas trained, all shards applied. `version` is what they hold now.
    case commit(version: Int, reports: [TrainedReport])
    case recordVerdict(ItemKey, reason: String)
    /// A substitute was taken for no fault of the file's: the run is not reproducible any more.
    case recordTransient(ItemKey, reason: String)
    /// The batch worker may forget an evaluation group.
    case drop(GroupKey, batch: WorkerID)
    case evaluated(EvaluationResult)
    case fail(PipelineError)
    /// None of the clips leased to a decode or augment worker come: it gets few from now on.
    case fruitless(WorkerID)
    /// A round's loss or gradient is not a finite number.
    case diverged(GroupKey, attempts: [Int], worker: WorkerID)
  }

  package let settings: Settings
  package private(set) var committed = 0
  /// Training ends at this version.
  package private(set) var stopAt: Int
  package private(set) var isRunning = false
  private var isStopping = false
  package internal(set) var window: WorkWindow

  /// The first step whose groups are not opened yet.
  private var nextToOpen = 0
  private var trained: [GroupKey: TrainedReport] = [:]
  /// Replicas trained, by step.
  var trainedCounts: [Int: Int] = [:]
  private var applied: [Int: Set<Int>] = [:]
  /// Evaluation groups, and who has each.
  var assigned: [GroupKey: WorkerID] = [:]
  var replicaShares: ReplicaShares
  /// Collated groups to be given to a worker; some may have been closed since.
  var waiting: [ItemKind: Heap<GroupKey>] = [.training: Heap(), .evaluation: Heap()]
  var evaluators: [WorkerID: Int] = [:]
  /// Groups given to each evaluate worker so far.
  var given: [WorkerID: Int] = [:]
  private var knownAttempts: [GroupKey: [Int: Int]] = [:]
  package private(set) var evaluations: [EvaluationJob] = []
  /// Versions whose checkpoint is whole: evaluators read it.
  var pinned: Set<Int> = []

  private static let pendingEvaluations = 2

  /// Whether training, or the end of the run, waits for evaluations.
  package var waitsForEvaluation: Bool {
    evaluations.count > Self.pendingEvaluations || (committed >= stopAt && !isFinished)
  }

  package init(settings: Settings) {
    self.settings = settings
    stopAt = settings.finalVersion
    window = WorkWindow(settings: settings.window)
    replicaShares = ReplicaShares(tree: ReplicaTree(replicas: settings.replicas), sumsSubTrees: settings.sumsSubTrees)
  }

  /// Whether everything asked for is done. A run that stops early leaves its evaluations to the one that resumes it.
  package var isFinished: Bool {
    committed >= stopAt && (evaluations.isEmpty || isStopping || stopAt < settings.finalVersion)
  }
}

// MARK: - Lineage

extension RunMachine {
  /// Training goes on from `version`: at the start, after a resume, after a roll-back.
  /// - Parameters:
  ///   - attempts: verdicts from the ledger: the attempt each failed slot is at.
  ///   - evaluations: versions whose evaluation is due and not done.
  ///   - incarnation: of the coordinator; clips leased by an earlier one may still reach the batch workers, and are told
  ///     apart by their owner numbers.
  package mutating func start(
    from version: Int, attempts: [ItemKey], evaluations due: [Int], incarnation: UInt64 = 0
  ) {
    window.raiseOwners(to: Int(truncatingIfNeeded: incarnation & 0x7fff_ffff) << 32)
    for group in window.openGroups { window.close(group) }
    trained = [:]
    trainedCounts = [:]
    applied = [:]
    assigned = [:]
    replicaShares.clear()
    waiting = [.training: Heap(), .evaluation: Heap()]
    for worker in evaluators.keys { evaluators[worker] = 0 }
    knownAttempts = [:]
    for key in attempts {
      let known = knownAttempts[key.group]?[key.slot] ?? 0
      knownAttempts[key.group, default: [:]][key.slot] = max(known, key.attempt)
    }
    committed = version
    nextToOpen = version
    evaluations = []
    for version in due { beginEvaluation(of: version) }
    isRunning = true
  }

  /// Nothing is leased or committed until `start`: a shard has gone.
  package mutating func pause() { isRunning = false }

  /// Ends training after the open step, and evaluation at once.
  package mutating func stopEarly() {
    isStopping = true
    stop(at: isRunning ? committed + 1 : committed)
  }

  package mutating func stop(at version: Int) {
    stopAt = min(stopAt, max(version, committed))
    for group in window.openGroups where group.kind == .training && group.step >= stopAt {
      unassign(group)
      window.close(group)
    }
  }

  private mutating func beginEvaluation(of version: Int) {
    guard let evaluation = settings.evaluation, evaluation.videos > 0 else { return }
    evaluations.append(EvaluationJob(version: version, videos: evaluation.videos))
  }
}

// MARK: - Workers

extension RunMachine {
  package mutating func join(_ worker: WorkerID, stage: Stage) {
    switch stage {
    case .decode: window.join(worker, stage: .decode)
    case .augment: window.join(worker, stage: .augment)
    case .batch: window.join(worker, stage: .batch)
    case .train: replicaShares.join(worker)
    case .evaluate: evaluators[worker] = evaluators[worker] ?? 0
    case .plan, .average: break
    }
  }

  package mutating func leave(_ worker: WorkerID, stage: Stage) {
    switch stage {
    case .decode: _ = window.leave(worker, stage: .decode)
    case .augment: _ = window.leave(worker, stage: .augment)
    case .batch:
      for group in window.leave(worker, stage: .batch) { unassign(group) }
    case .train:
      for group in replicaShares.leave(worker) { wait(group) }
    case .evaluate:
      evaluators[worker] = nil
      for (group, holder) in assigned where holder == worker { unassign(group) }
    case .plan, .average: break
    }
  }

  /// Takes the group, and what was given together with it, back from who has it.
  private mutating func unassign(_ group: GroupKey) {
    guard group.kind == .evaluation else {
      for group in replicaShares.release(group) { wait(group) }
      return
    }
    guard let worker = assigned.removeValue(forKey: group) else { return }
    evaluators[worker]? -= 1
    wait(group)
  }

  private mutating func wait(_ group: GroupKey) {
    if window.isCollated(group) { waiting[group.kind]!.insert(group) }
  }
}

// MARK: - Events

extension RunMachine {
  package mutating func accepted(_ key: ItemKey, owner: Int, now: Double) {
    if window.accept(key, owner: owner, now: now) { waiting[key.group.kind]!.insert(key.group) }
  }

  package mutating func failed(
    _ key: ItemKey, by worker: WorkerID?, _ failure: WorkWindow.Failure, now: Double
  ) -> [Action] {
    switch window.fail(key, worker: worker, failure, now: now) {
    case .ignored, .retry:
      return []
    case .substitute(let next):
      let record: Action =
        switch failure {
        case .verdict(let reason): .recordVerdict(key, reason: reason)
        case .transient(let reason): .recordTransient(key, reason: reason)
        }
      guard key.group.kind == .training else { return [record] + exclude(key.group) }
      knownAttempts[next.group, default: [:]][next.slot] = next.attempt
      return [record]
    case .givenUp(let reason):
      return [.fail(givenUp(key, reason, by: worker))]
    }
  }

  /// An evaluated video that cannot be read has no substitute: it is left out and listed.
  private mutating func exclude(_ group: GroupKey) -> [Action] {
    var actions: [Action] = []
    unassign(group)
    if let batch = window.close(group) { actions.append(.drop(group, batch: batch)) }
    guard let job = evaluations.firstIndex(where: { $0.version == group.step }) else { return actions }
    evaluations[job].excluded.insert(group.index)
    return actions + finishEvaluation(at: job)
  }

  /// The rounds of a share are done and all shards hold its contribution.
  package mutating func trained(_ reports: [TrainedReport], by worker: WorkerID) -> [Action] {
    var actions: [Action] = []
    for report in reports {
      guard let attempts = isRunning && isOpen(report.group) ? window.attempts(of: report.group) : nil else { continue }
      actions += check(report, attempts, by: worker)
      guard actions.isEmpty else { return actions }
      trained[report.group] = report
      trainedCounts[report.group.step, default: 0] += 1
      window.close(report.group)
    }
    for report in reports { unassign(report.group) }
    return actions
  }

  private func isOpen(_ group: GroupKey) -> Bool {
    group.kind == .training && (committed...committed + 1).contains(group.step) && trained[group] == nil
  }

  private func check(_ report: TrainedReport, _ attempts: [Int], by worker: WorkerID) -> [Action] {
    let expected = ConsumedDigest.of(group: report.group, attempts: attempts)
    guard report.consumed == expected, (0...expected.count).contains(report.correct) else {
      return [
        .fail(
          PipelineError(
            .audit,
            "\(report.group): \(worker) consumed other clips than planned "
              + "(\(report.consumed.count) clips, \(report.correct) right, digest \(hexadecimal(report.consumed.digest)); "
              + "planned \(expected.count), \(hexadecimal(expected.digest)))"))
      ]
    }
    return report.loss.isFinite ? [] : [.diverged(report.group, attempts: attempts, worker: worker)]
  }

  package mutating func applied(shard: Int, version: Int) {
    guard version > committed else { return }
    applied[version, default: []].insert(shard)
  }

  /// The checkpoint of `version` is whole.
  package mutating func checkpointed(_ version: Int) { pinned.insert(version) }

  /// The checkpoint of `version` could not be written: there is nothing to evaluate.
  package mutating func cancelEvaluation(of version: Int) -> [Action] {
    evaluations.removeAll { $0.version == version }
    var actions: [Action] = []
    for group in window.openGroups where group.kind == .evaluation && group.step == version {
      unassign(group)
      if let batch = window.close(group) { actions.append(.drop(group, batch: batch)) }
    }
    return actions
  }

  package mutating func evaluated(_ group: GroupKey, scores: [Float], by worker: WorkerID) -> [Action] {
    if assigned[group] == worker { unassign(group) }
    // Only for an open group: a result from before a roll-back would leave the group to be opened without an end.
    guard let job = evaluations.firstIndex(where: { $0.version == group.step }),
      window.attempts(of: group) != nil
    else { return [] }
    unassign(group)
    evaluations[job].scores[group.index] = scores
    var actions: [Action] = []
    if let batch = window.close(group) { actions.append(.drop(group, batch: batch)) }
    return actions + finishEvaluation(at: job)
  }

  private mutating func finishEvaluation(at index: Int) -> [Action] {
    let job = evaluations[index]
    guard job.scores.count + job.excluded.count == job.videos else { return [] }
    evaluations.remove(at: index)
    return [.evaluated(EvaluationResult(version: job.version, scores: job.scores, excluded: job.excluded.sorted()))]
  }
}

// MARK: - Progress

extension RunMachine {
  /// Everything that can be done now. Call after events and at every tick.
  package mutating func advance(now: Double) -> [Action] {
    guard isRunning else { return [] }
    var actions: [Action] = []
    while let commit = nextCommit() { actions.append(commit) }
    window.expire(now: now)
    actions += window.takeFruitless().map(Action.fruitless)
    openTraining()
    openEvaluation()
    actions += window.grant(now: now).map(Action.lease)
    actions += assign()
    return actions
  }

  private mutating func nextCommit() -> Action? {
    guard committed < stopAt, applied[committed + 1]?.count == settings.shards else { return nil }
    let keys = (0..<settings.replicas).map { GroupKey(kind: .training, step: committed, index: $0) }
    let reports = keys.compactMap { trained[$0] }
    guard reports.count == keys.count else { return nil }
    for key in keys {
      trained[key] = nil
      knownAttempts[key] = nil
    }
    trainedCounts[committed] = nil
    committed += 1
    applied[committed] = nil
    let due = settings.evaluateEvery > 0 && committed % settings.evaluateEvery == 0
    if due || committed == settings.finalVersion { beginEvaluation(of: committed) }
    return .commit(version: committed, reports: reports)
  }

  private mutating func openTraining() {
    guard evaluations.count <= Self.pendingEvaluations else { return }
    let end = min(committed + settings.inFlightRounds, stopAt)
    while nextToOpen < end {
      for replica in 0..<settings.replicas {
        let key = GroupKey(kind: .training, step: nextToOpen, index: replica)
        window.open(key, slots: settings.batch, attempts: knownAttempts[key] ?? [:])
      }
      nextToOpen += 1
    }
  }

  private mutating func openEvaluation() {
    guard let clips = settings.evaluation?.clips else { return }
    let limit = 2 * evaluators.count + 2
    for job in evaluations.indices {
      let version = evaluations[job].version
      while evaluations[job].opened < evaluations[job].videos {
        guard window.evaluationCount < limit else { return }
        let key = GroupKey(kind: .evaluation, step: version, index: evaluations[job].opened)
        evaluations[job].opened += 1
        window.open(key, slots: clips)
      }
    }
  }
}

func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
