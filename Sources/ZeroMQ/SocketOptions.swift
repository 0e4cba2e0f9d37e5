internal import CZeroMQ

#if canImport(Glibc)
  import Glibc
#endif

/// The kinds of ZeroMQ sockets.
package enum SocketKind: Sendable, CaseIterable {
  case router, dealer, pair, xpub, sub, pub, req, rep

  var type: Int32 {
    switch self {
    case .router: ZMQ_ROUTER
    case .dealer: ZMQ_DEALER
    case .pair: ZMQ_PAIR
    case .xpub: ZMQ_XPUB
    case .sub: ZMQ_SUB
    case .pub: ZMQ_PUB
    case .req: ZMQ_REQ
    case .rep: ZMQ_REP
    }
  }
}

/// A socket's settings, fixed when it is made. The defaults are those of the edges between workers.
package struct SocketOptions: Sendable {
  /// The name under which a ROUTER at the other end knows this socket: 1 to 255 bytes, the first not 0. `nil`: the ROUTER chooses.
  package var identity: [UInt8]?
  /// How long unsent messages outlive `close()`, in whole milliseconds; never negative, or terminating could hang.
  package var linger: Duration = .zero
  /// Most whole messages waiting per peer before a send would block; 0 is unlimited (leases bound what is in flight).
  package var sendHighWaterMark = 0
  package var receiveHighWaterMark = 0
  /// ROUTER: a send to a peer that is not connected is an error, not a silent loss.
  package var routerMandatory = true
  /// ROUTER: a peer that comes back under its identity takes it over from its old connection.
  package var routerHandover = true
  /// Zero turns heartbeats off. They do not apply to inproc.
  package var heartbeatInterval: Duration = .seconds(2)
  package var heartbeatTimeout: Duration = .seconds(10)
  /// A peer that announces a longer part is disconnected before anything is allocated; -1 is unlimited.
  package var maxMessageBytes: Int64 = 1 << 30
  package var handshakeInterval: Duration = .milliseconds(2000)
  package var reconnectInterval: Duration = .milliseconds(20)
  /// Reconnecting backs off up to this.
  package var reconnectIntervalMaximum: Duration = .seconds(1)
  /// XPUB: every subscription is seen, not only the first of a topic: who comes is told at once what it asks for. Of their
  /// ends only the last of a topic is.
  package var xpubVerbose = true
  /// An ipc listener accepts peers of this process's user only.
  package var acceptsOwnUserOnly = true

  /// Of a socket that only takes requests: what a stranger can make it hold before the handshake is bounded by this.
  package static func requests(maxBytes: Int64) -> SocketOptions {
    var options = SocketOptions()
    options.maxMessageBytes = maxBytes
    return options
  }

  package init(
    identity: [UInt8]? = nil, linger: Duration = .zero, sendHighWaterMark: Int = 0, receiveHighWaterMark: Int = 0
  ) {
    self.identity = identity
    self.linger = linger
    self.sendHighWaterMark = sendHighWaterMark
    self.receiveHighWaterMark = receiveHighWaterMark
  }
}

extension SocketOptions {
  /// Sets everything on a socket that is neither bound nor connected yet.
  func apply(to socket: UnsafeMutableRawPointer, kind: SocketKind) throws(ZeroMQError) {
    guard linger >= .zero else {
      throw ZeroMQError(code: .invalid, operation: "option linger", message: "must not be negative (\(linger))")
    }
    func set(_ name: String, _ option: Int32, _ value: Int32) throws(ZeroMQError) {
      var value = value
      guard zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size) == 0 else {
        throw .last("option \(name) = \(value)")
      }
    }
    try set("linger", ZMQ_LINGER, linger.wholeMilliseconds)
    try set("sendHighWaterMark", ZMQ_SNDHWM, Int32(clamping: sendHighWaterMark))
    try set("receiveHighWaterMark", ZMQ_RCVHWM, Int32(clamping: receiveHighWaterMark))
    try set("handshakeInterval", ZMQ_HANDSHAKE_IVL, handshakeInterval.wholeMilliseconds)
    try set("reconnectInterval", ZMQ_RECONNECT_IVL, reconnectInterval.wholeMilliseconds)
    try set("reconnectIntervalMaximum", ZMQ_RECONNECT_IVL_MAX, reconnectIntervalMaximum.wholeMilliseconds)
    try set("heartbeatInterval", ZMQ_HEARTBEAT_IVL, heartbeatInterval.wholeMilliseconds)
    try set("heartbeatTimeout", ZMQ_HEARTBEAT_TIMEOUT, heartbeatTimeout.wholeMilliseconds)
    // The peer drops us after this silence; the field on the wire holds up to 6553 s.
    try set("heartbeatTimeout", ZMQ_HEARTBEAT_TTL, min(heartbeatTimeout.wholeMilliseconds, 6_553_500))
    if acceptsOwnUserOnly { try set("acceptsOwnUserOnly", ZMQ_IPC_FILTER_UID, Int32(bitPattern: geteuid())) }
    switch kind {
    case .router:
      try set("routerMandatory", ZMQ_ROUTER_MANDATORY, routerMandatory ? 1 : 0)
      try set("routerHandover", ZMQ_ROUTER_HANDOVER, routerHandover ? 1 : 0)
    case .xpub:
      try set("xpubVerbose", ZMQ_XPUB_VERBOSE, xpubVerbose ? 1 : 0)
    default: break
    }
    var maximum = maxMessageBytes
    guard zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &maximum, MemoryLayout<Int64>.size) == 0 else {
      throw .last("option maxMessageBytes = \(maximum)")
    }
    if let identity, zmq_setsockopt(socket, ZMQ_ROUTING_ID, identity, identity.count) != 0 {
      throw .last("option identity of \(identity.count) bytes")
    }
  }
}

extension Duration {
  /// Rounded up, and kept within what a C `int` holds.
  var wholeMilliseconds: Int32 {
    let (seconds, attoseconds) = components
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let fraction = Int64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    return Int32(clamping: milliseconds.addingReportingOverflow(fraction).partialValue)
  }
}
