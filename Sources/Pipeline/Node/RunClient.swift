import Foundation
import Glibc
package import Topology
import Wire
package import ZeroMQ

/// A client of a live run: what `status`, `scale` and `tap` talk through. Blocking; one thread uses it.
package final class RunClient {
  private let context: Context
  private let socket: Socket
  private let endpoint: String
  private static let answerSeconds = 10.0

  /// - Parameter run: a run's directory or the coordinator's endpoint; nil is the only live run below `./runs`.
  package init(run: String?) throws {
    context = try Context()
    if let run, run.contains("://") {
      endpoint = run
    } else {
      let directory = try run.map { RunDirectory(path: $0) } ?? RunDirectory.onlyLive(below: "runs")
      guard directory.exists, directory.isLive else {
        throw PipelineError(.noSuchRun, "\(directory.path): no live run there")
      }
      endpoint = try directory.identity().control
    }
    var options = SocketOptions()
    options.identity = Array("client#\(getpid())-\(UInt32.random(in: .min ... .max))".utf8)
    socket = try Socket(.dealer, in: context, options: options)
    try socket.connect(endpoint)
  }

  deinit { socket.close() }

  /// - Throws: `.unreachable` when nobody answers, `.configuration` with the coordinator's objection.
  package func ask(_ request: ClientRequest) throws -> RunStatus {
    _ = try socket.send(Multipart(MessagePart(bytes: request.envelope(RunStamp()).encoded())))
    let deadline = Monotonic.seconds() + Self.answerSeconds
    while Monotonic.seconds() < deadline {
      guard let message = try socket.receive() else {
        usleep(2000)
        continue
      }
      guard let part = message.parts.first,
        let envelope = try? part.withUnsafeBytes(Envelope.decode), envelope.messageKind == .reply
      else { continue }
      let reply = try ClientReply(from: envelope)
      if let error = reply.error { throw PipelineError(.configuration, error) }
      guard let status = reply.status else { break }
      return status
    }
    throw PipelineError(.unreachable, "\(endpoint): no answer from a coordinator within \(Int(Self.answerSeconds)) s")
  }

  /// One item seen at a tap.
  package struct TapItem {
    package let topic: String
    /// The header's JSON.
    package let header: [UInt8]
    package let payload: MessagePart?
  }

  /// Subscribes to a stage on every worker of it, those that come later included.
  /// - Parameters:
  ///   - every: one item in so many.
  ///   - limit: ends after so many items.
  ///   - timeoutSeconds: ends when nothing comes for so long.
  /// - Returns: the number of items seen.
  /// - Throws: `.unreachable` when no coordinator answers, or when no item came at all.
  @discardableResult
  package func tap(
    _ stage: Stage, every: Int, limit: Int?, timeoutSeconds: Double, onItem: (TapItem) throws -> Void
  ) throws -> Int {
    let subscriber = try Socket(.sub, in: context)
    defer { subscriber.close() }
    try subscriber.subscribe(Array("\(stage.rawValue)/\(every)".utf8))
    var connected: Set<String> = []
    var seen = 0
    var lastItem = Monotonic.seconds()
    var nextLook = 0.0
    var isFirst = true
    while limit.map({ seen < $0 }) ?? true {
      let now = Monotonic.seconds()
      if now >= nextLook {
        nextLook = now + 2
        // Who does not answer any more has ended; who never did is not there.
        let answer = Result { try ask(ClientRequest(action: .status)) }
        guard case .success(let status) = answer else {
          if isFirst { _ = try answer.get() }
          break
        }
        isFirst = false
        for tap in Self.taps(of: stage, status) {
          guard let endpoint = endpoint.hasPrefix("tcp") ? tap.tcp ?? tap.ipc : tap.ipc ?? tap.tcp,
            connected.insert(endpoint).inserted
          else { continue }
          try subscriber.connect(endpoint)
        }
      }
      guard let message = try subscriber.receive() else {
        if now - lastItem > timeoutSeconds { break }
        usleep(2000)
        continue
      }
      guard message.parts.count >= 2 else { continue }
      lastItem = now
      seen += 1
      try onItem(
        TapItem(
          topic: String(decoding: message.parts[0].array, as: UTF8.self), header: message.parts[1].array,
          payload: message.parts.count > 2 ? message.parts[2] : nil))
    }
    guard seen > 0 || limit == 0 else {
      throw PipelineError(
        .unreachable, "\(endpoint): the stage \(stage.rawValue) made nothing to see in \(Int(timeoutSeconds)) s")
    }
    return seen
  }

  private static func taps(of stage: Stage, _ status: RunStatus) -> [Endpoints] {
    stage == .plan ? [status.tap] : status.workers.filter { $0.stage == stage.rawValue }.map(\.tap)
  }
}
