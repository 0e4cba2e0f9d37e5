internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// What went wrong in a call of libzmq, on which endpoint, and what to do about it.
package struct ZeroMQError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable, Equatable {
    /// Another socket is bound to the endpoint.
    case addressInUse
    /// A ROUTER has no connected peer of that identity.
    case unreachable
    /// The context was shut down; close the socket.
    case terminated
    /// The call would have to wait.
    case wouldBlock
    /// An endpoint, option or message that libzmq does not accept, or a closed socket.
    case invalid
    case other
  }

  package let code: Code
  /// The call that failed, for example `bind`.
  package let operation: String
  package let endpoint: String?
  package let message: String

  package init(code: Code, operation: String, endpoint: String? = nil, message: String) {
    self.code = code
    self.operation = operation
    self.endpoint = endpoint
    self.message = message
  }

  package var description: String {
    "ZeroMQ \(operation)\(endpoint.map { " \($0)" } ?? ""): \(message)"
  }

  /// The error of the libzmq call that has just failed on this thread.
  static func last(_ operation: String, endpoint: String? = nil) -> ZeroMQError {
    from(status: zmq_errno(), operation, endpoint: endpoint)
  }

  static func from(status: Int32, _ operation: String, endpoint: String? = nil) -> ZeroMQError {
    let reason = String(cString: zmq_strerror(status))
    let (code, advice): (Code, String?) =
      switch status {
      case EADDRINUSE: (.addressInUse, "another process or socket holds it; choose another port or name")
      case EHOSTUNREACH: (.unreachable, "no connected peer has that identity")
      case sluice_zmq_eterm(): (.terminated, nil)
      case EAGAIN: (.wouldBlock, nil)
      case EINVAL, ENODEV, EPROTONOSUPPORT, ENOENT, ENAMETOOLONG, ENOTSUP, ENOCOMPATPROTO, EADDRNOTAVAIL:
        (.invalid, endpoint == nil ? nil : "check the endpoint")
      case EMFILE: (.other, "raise Context(maxSockets:) or the limit of open files (ulimit -n)")
      default: (.other, nil)
      }
    return ZeroMQError(
      code: code, operation: operation, endpoint: endpoint, message: reason + (advice.map { "; \($0)" } ?? ""))
  }

  /// The error of using a socket after `close()`.
  static func closed(_ operation: String) -> ZeroMQError {
    ZeroMQError(code: .invalid, operation: operation, message: "the socket is closed")
  }
}
