package import Topology

/// Workers that do not get done, and what workers hold.
extension RunMachine {
  /// A decode worker has been at one clip for so long, 0 if it has just begun: while it is late nothing more is leased to
  /// it.
  package mutating func isAtOneClip(_ worker: WorkerID, seconds: Double) {
    window.isAtOneClip(worker, seconds: seconds)
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
