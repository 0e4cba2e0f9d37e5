/// Workers that do not get done.
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
