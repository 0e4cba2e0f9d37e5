import Glibc
package import ZeroMQ

/// How a process' sockets are reached: the context they live in and the names they bind.
package struct ProcessPlace: Sendable {
  package let context: Context
  /// The `hosts:` entry.
  package let host: String
  /// Address to bind tcp on; nil when no peer is on another host.
  package let address: String?
  package let token: String
  package let security: RunSecurity
  private let gatekeeper: Gatekeeper?

  /// - Throws: when the context has a gatekeeper already and needs another.
  package init(
    context: Context, host: String, address: String?, security: RunSecurity = .none
  ) throws(ZeroMQError) {
    self.context = context
    self.host = host
    self.address = address
    self.security = security
    gatekeeper = try security.gatekeeper(context)
    token = "\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }

  /// Binds a socket on inproc, on an abstract ipc name (no file is ever left) and, with an address, on tcp.
  /// - Parameter role: of the keys that may connect.
  package func bind(_ socket: Socket, name: String, for role: KeyRole) throws(ZeroMQError) -> Endpoints {
    let inproc = try socket.bind("inproc://\(token)/\(name)")
    let ipc = try bind(socket, to: "ipc://@sluice/\(token)/\(name)", for: role)
    let tcp = try address.map { address throws(ZeroMQError) in
      try bind(socket, to: "tcp://\(address):*", for: role)
    }
    return Endpoints(inproc: inproc, ipc: ipc, tcp: tcp, key: security.publicKey)
  }

  /// Binds a socket on one endpoint.
  package func bind(_ socket: Socket, to endpoint: String, for role: KeyRole) throws(ZeroMQError) -> String {
    try security.bind(socket, endpoint, for: role, gatekeeper)
  }

  /// The nearest way to a peer's socket.
  package func endpoint(for peer: Peers.Peer) -> String? {
    if peer.identity.processToken == token { return peer.data.inproc }
    return peer.identity.host == host ? peer.data.ipc ?? peer.data.tcp : peer.data.tcp
  }
}

extension Optional {
  fileprivate func map<Value, Failure: Error>(
    _ transform: (Wrapped) throws(Failure) -> Value
  ) throws(Failure) -> Value? {
    switch self {
    case .some(let value): try transform(value)
    case .none: nil
    }
  }
}
