import Foundation
import Synchronization
package import Topology
package import ZeroMQ

/// Which connections of a run are encrypted, and where its keys are.
package struct SecuritySetting: Sendable, Equatable {
  package var scope: Topology.Encryption
  /// The key directory; needed where anything is encrypted.
  package var keys: String?

  package init(scope: Topology.Encryption, keys: String?) {
    self.scope = scope
    self.keys = keys
  }

  package init(_ topology: Topology) {
    self.init(scope: topology.encryption, keys: topology.links.keys)
  }

  package static let none = SecuritySetting(scope: .none, keys: nil)

  /// Another reason why nobody answers who came without keys.
  static let keysMayBeNeeded = ", or the run's links are encrypted and need --keys DIR"
}

/// One process' part in it: its own key, the coordinator's, and the list of those who may enter.
package struct RunSecurity: Sendable {
  private struct Secured {
    var scope: Topology.Encryption
    var keys: CurveKeys
    var coordinatorKey: String
    var allowList: AllowList
  }

  private let secured: Secured?

  package static let none = RunSecurity(secured: nil)

  private init(secured: Secured?) { self.secured = secured }

  /// - Parameters:
  ///   - role: whose key this process has.
  ///   - host: whose key it is; a host may have one of its own name.
  ///   - key: the name of the key to take, and no other.
  /// - Throws: `.keys` naming what is missing in the key directory.
  package init(
    _ setting: SecuritySetting, role: KeyRole, host: String? = nil, key: String? = nil
  ) throws(PipelineError) {
    guard setting.scope != .none || key != nil else {
      secured = nil
      return
    }
    guard let path = setting.keys else {
      let reason =
        setting.scope == .none ? "--key needs a key directory: --keys" : "links are encrypted, but no keys are given"
      throw PipelineError(.keys, "\(reason); see `sluice keys make`")
    }
    let directory = KeyDirectory(path: path)
    let own: CurveKeys
    if let key { own = try directory.own(role, named: key) } else { own = try directory.own(role, host: host) }
    guard setting.scope != .none else {
      secured = nil
      return
    }
    secured = Secured(
      scope: setting.scope, keys: own, coordinatorKey: try directory.coordinator(), allowList: AllowList(directory))
  }

  /// This process' public key, by which peers know it.
  package var publicKey: String? { secured?.keys.publicKey }

  /// Whether connections to `endpoint` are encrypted.
  package func covers(_ endpoint: String) -> Bool {
    guard let secured, !endpoint.hasPrefix("inproc") else { return false }
    return secured.scope == .everywhere || endpoint.hasPrefix("tcp")
  }

  /// Connects, with encryption where the endpoint is to have it.
  /// - Parameter key: the public key of whoever binds there.
  package func connect(_ socket: Socket, to endpoint: String, key: String?) throws(ZeroMQError) {
    if let secured, covers(endpoint) {
      guard let key else {
        throw ZeroMQError(code: .invalid, operation: "connect", endpoint: endpoint, message: "the peer names no key")
      }
      try socket.secure(.client(secured.keys, server: key))
    }
    try socket.connect(endpoint)
  }

  /// Connects to one of the coordinator's sockets.
  package func connect(_ socket: Socket, toCoordinator endpoint: String) throws(ZeroMQError) {
    try connect(socket, to: endpoint, key: secured?.coordinatorKey)
  }

  /// Binds, for keys of `role` where the endpoint is encrypted.
  package func bind(
    _ socket: Socket, _ endpoint: String, for role: KeyRole, _ gatekeeper: Gatekeeper?
  ) throws(ZeroMQError) -> String {
    if let secured, let gatekeeper {
      try socket.secure(covers(endpoint) ? .server(secured.keys, domain: role.rawValue, gatekeeper) : .none)
    }
    return try socket.bind(endpoint)
  }

  /// Whoever answers handshakes in this process; nil where nothing is encrypted.
  package func gatekeeper(_ context: Context) throws(ZeroMQError) -> Gatekeeper? {
    guard let secured else { return nil }
    let list = secured.allowList
    let log = Mutex(DenialLog())
    return try Gatekeeper(context: context) { visitor in
      if let role = KeyRole(rawValue: visitor.domain), let key = visitor.key,
        list.allows(key, role, isFresh: true)
      {
        return true
      }
      let text =
        "refused \(visitor.address) at a socket for \(visitor.domain) keys: "
        + (visitor.key.map { "the key \($0) is not on the list" } ?? "it has no key")
      if let line = log.withLock({ $0.line(text, now: Monotonic.seconds()) }) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
      }
      return false
    }
  }

  /// Whether a message is to be read: its sender's key has not been revoked since it came in.
  package func accepts(_ message: Multipart, from role: KeyRole) -> Bool { accepts(message.sender, from: role) }

  /// The same for a key; nil is a peer on an endpoint without encryption.
  package func accepts(_ key: String?, from role: KeyRole) -> Bool {
    guard let secured, let key else { return true }
    return secured.allowList.allows(key, role)
  }

  /// Rises whenever keys of `role` were revoked.
  package func revocations(_ role: KeyRole) -> Int { secured?.allowList.removals(role) ?? 0 }
}
