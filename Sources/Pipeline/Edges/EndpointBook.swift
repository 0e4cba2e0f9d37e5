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

  package init(context: Context, host: String, address: String?) {
    self.context = context
    self.host = host
    self.address = address
    token = "\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }

  /// Binds a socket on inproc, on an abstract ipc name (no file is ever left) and, with an address, on tcp.
  package func bind(_ socket: Socket, name: String) throws(ZeroMQError) -> Endpoints {
    let ipcName = "ipc://@sluice/\(token)/\(name)"
    return Endpoints(
      inproc: try socket.bind("inproc://\(token)/\(name)"),
      ipc: try socket.bind(ipcName),
      tcp: try address.map { address throws(ZeroMQError) in try socket.bind("tcp://\(address):*") })
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
