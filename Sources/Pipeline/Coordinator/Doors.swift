/// The coordinator's three sockets for others: one a role of key. They are found by the first.
package struct Doors: Sendable, Equatable {
  /// For nodes and workers; the control endpoint that is given to commands.
  package let workers: String
  /// For `status` and `scale`.
  package let clients: String
  /// For `tap`, which learns from it where the others are.
  package let taps: String

  /// - Parameter control: `tcp://HOST:PORT`, whose others are the next two ports, or a local endpoint.
  /// - Returns: nil when it is neither, or has no port.
  package init?(_ control: String) {
    workers = control
    guard control.hasPrefix("tcp://") else {
      guard control.hasPrefix("ipc://") else { return nil }
      clients = "\(control)/clients"
      taps = "\(control)/taps"
      return
    }
    guard let colon = control.lastIndex(of: ":"), control[..<colon].count > "tcp://".count,
      let port = UInt16(control[control.index(after: colon)...]),
      (1...65_533).contains(port)
    else { return nil }
    clients = "\(control[..<colon]):\(port + 1)"
    taps = "\(control[..<colon]):\(port + 2)"
  }
}
