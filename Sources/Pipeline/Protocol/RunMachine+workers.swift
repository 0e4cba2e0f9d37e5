package import Topology

/// Workers that do not get done, and what workers hold.
extension RunMachine {
  /// A decode worker has been at one clip for so long, 0 if it has just begun: while it is late nothing more is leased to
  /// it.
  package mutating func isAtOneClip(_ worker: WorkerID, seconds: Double) {
    window.isAtOneClip(worker, seconds: seconds)
  }

  /// A clip failed too often for a reason that could have passed.
  func givenUp(_ key: ItemKey, _ reason: String, by worker: WorkerID?) -> PipelineError {
    let tries = "\(settings.window.transientRetries + 1) tries" + (worker.map { ", the last by \($0)" } ?? "")
    return PipelineError(
      .transient,
      "\(key): \(reason) (\(tries)); mend that and go on with --resume, or set on_transient: substitute, which draws "
        + "another clip and makes the run not reproducible")
  }

  /// Whether the step to be committed next waits for clips.
  package var openStepLacksClips: Bool {
    window.openGroups.contains { $0.kind == .training && $0.step == committed && !window.isCollated($0) }
  }
}

extension RunMachine {
  /// What a worker holds: clips leased to a decode or augment worker, groups at a batch worker; nil for other stages.
  package func queued(by worker: WorkerID, of stage: Stage) -> Int? {
    switch stage {
    case .decode: window.load(of: worker, stage: .decode)
    case .augment: window.load(of: worker, stage: .augment)
    case .batch: window.load(of: worker, stage: .batch)
    case .plan, .train, .average, .evaluate: nil
    }
  }
}
