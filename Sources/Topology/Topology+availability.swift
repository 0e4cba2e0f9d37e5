extension Topology {
  /// Refuses settings whose part is not built yet, rather than leave them without effect.
  package func requireAvailable() throws(TopologyError) {
    var issues: [TopologyIssue] = []
    if train.localSteps > 1 {
      issues.append(
        TopologyIssue(line: nil, path: "train.local_steps", message: "more than 1 is not available yet; leave it out"))
    }
    guard issues.isEmpty else { throw TopologyError(file: name, issues: issues) }
  }
}
