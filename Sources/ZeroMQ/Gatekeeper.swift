/// Answers a context's handshakes (ZAP, RFC 27): which key may enter which domain. One a context, made before the first
/// secured socket is bound.
///
/// What it lets in carries its public key as `Multipart.sender` from then on.
package final class Gatekeeper: Sendable {
  /// Somebody at the door.
  package struct Visitor: Sendable, Equatable {
    package var domain: String
    /// The peer's address as libzmq sees it; of a local socket's, `localhost:USER:GROUP:PROCESS`.
    package var address: String
    /// All other addresses are numbers.
    package var isLocal: Bool { address.hasPrefix("localhost:") }
    /// The public key, proven; nil when the peer showed none.
    package var key: String?
  }

  let context: Context
  private let thread: SocketThread

  /// - Parameter admits: asked for each handshake, on the gatekeeper's thread.
  /// - Throws: `.addressInUse` when the context has one already.
  package init(context: Context, admits: @escaping @Sendable (Visitor) -> Bool) throws(ZeroMQError) {
    let thread = SocketThread(name: "gatekeeper")
    self.context = context
    self.thread = thread
    let made = Monitor<Result<Void, ZeroMQError>?>(nil)
    thread.perform {
      let result = Result { () throws(ZeroMQError) in try Self.open(context, thread, admits) }
      made.withLock { $0 = result }
      made.wakeAll()
    }
    do {
      try made.wait { $0 }.get()
    } catch {
      thread.stop()
      throw error
    }
  }

  deinit {
    thread.stop()
  }

  private static func open(
    _ context: Context, _ thread: SocketThread, _ admits: @escaping @Sendable (Visitor) -> Bool
  ) throws(ZeroMQError) {
    let door = try Socket(.rep, in: context)
    _ = try door.bind("inproc://zeromq.zap.01")
    thread.watch(door) {
      do {
        while let request = try door.receive() {
          _ = try door.send(reply(to: request, admits))
        }
      } catch {
        // The context has ended, and with it the handshakes.
        thread.unwatch(door)
        door.close()
      }
    }
  }

  /// Version, request, domain, address, identity, mechanism, credentials → version, request, status, text, user, metadata.
  private static func reply(to request: Multipart, _ admits: (Visitor) -> Bool) -> Multipart {
    func answer(_ status: String, user: String = "") -> Multipart {
      let version = MessagePart(bytes: Array("1.0".utf8))
      let number = request.parts.count > 1 ? request.parts[1] : MessagePart(bytes: [])
      let rest = [status, "", user, ""].map { MessagePart(bytes: Array($0.utf8)) }
      return Multipart(parts: [version, number] + rest)
    }
    guard request.parts.count >= 6 else { return answer("500") }
    let domain = String(decoding: request.parts[2].array, as: UTF8.self)
    let address = String(decoding: request.parts[3].array, as: UTF8.self)
    // A socket that asks for CURVE refuses others before they come here: this one is local and asks for nothing.
    if request.parts[5].array == Array("NULL".utf8), Visitor(domain: domain, address: address).isLocal {
      return answer("200")
    }
    let isCurve = request.parts[5].array == Array("CURVE".utf8) && request.parts.count == 7
    let key = isCurve ? CurveKeys.encode(request.parts[6].array) : nil
    guard admits(Visitor(domain: domain, address: address, key: key)), let key else { return answer("400") }
    return answer("200", user: key)
  }
}
