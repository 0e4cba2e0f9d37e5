internal import CZeroMQ

/// How connections are secured.
package enum ConnectionSecurity: Sendable {
  /// Neither encrypted nor asked who they are.
  case none
  /// Accepts only keys that the gatekeeper lets into `domain`. libzmq would let everybody in without one.
  case server(CurveKeys, domain: String, Gatekeeper)
  /// Talks only to whoever holds the secret half of `server`.
  case client(CurveKeys, server: String)
}

extension Socket {
  /// Secures the endpoints that are bound or connected from now on. Those before keep what they have, and so does inproc,
  /// which never leaves the process.
  package func secure(_ security: ConnectionSecurity) throws(ZeroMQError) {
    guard let handle else { throw .closed("secure") }
    func set(_ name: String, _ option: Int32, _ value: Int32) throws(ZeroMQError) {
      var value = value
      guard zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size) == 0 else { throw .last("option \(name)") }
    }
    func set(_ name: String, _ option: Int32, _ text: String) throws(ZeroMQError) {
      // The value may be a secret: only the option's name goes into the error.
      guard zmq_setsockopt(handle, option, text, text.utf8.count) == 0 else { throw .last("option \(name)") }
    }
    switch security {
    case .none:
      // A domain, once set, stays: the gatekeeper is asked, and lets local peers in.
      try set("curveServer", ZMQ_CURVE_SERVER, 0)
    case .server(let keys, let domain, let gatekeeper):
      guard gatekeeper.context === context else {
        throw ZeroMQError(code: .invalid, operation: "secure", message: "the gatekeeper belongs to another context")
      }
      gatekeepers.append(gatekeeper)
      try set("curveServer", ZMQ_CURVE_SERVER, 1)
      try set("curveSecretKey", ZMQ_CURVE_SECRETKEY, keys.secretKey)
      try set("zapDomain", ZMQ_ZAP_DOMAIN, domain)
    case .client(let keys, let server):
      try set("curveServer", ZMQ_CURVE_SERVER, 0)
      try set("curveServerKey", ZMQ_CURVE_SERVERKEY, server)
      try set("curvePublicKey", ZMQ_CURVE_PUBLICKEY, keys.publicKey)
      try set("curveSecretKey", ZMQ_CURVE_SECRETKEY, keys.secretKey)
    }
  }
}
