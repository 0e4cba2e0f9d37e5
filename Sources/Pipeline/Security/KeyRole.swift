/// What a key is for. Each role but the coordinator's has sockets of its own: a key opens those of its role and no others.
package enum KeyRole: String, Sendable, CaseIterable {
  /// The coordinator's own key, by which everybody knows it.
  case coordinator
  /// Nodes and workers: control and data.
  case worker
  /// `status` and `scale`.
  case `operator`
  /// `tap`: sees clips, asks for nothing.
  case tap
}
