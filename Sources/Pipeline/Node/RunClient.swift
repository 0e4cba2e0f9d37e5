import Foundation
import Glibc
package import Topology
import Wire
package import ZeroMQ

/// A client of a live run: what `status`, `scale` and `tap` talk through. Blocking; one thread uses it.
package final class RunClient {
  private let context: Context
  private let doors: Doors
  private let security: RunSecurity
  private var requests: Socket?
  private static let answerSeconds = 10.0

  /// - Parameters:
  ///   - run: a run's directory or the coordinator's endpoint; nil is the only live run below `./runs`.
  ///   - role: `operator` to ask, `tap` to tap.
  ///   - keys: the key directory, where it is not the one that the run's topology names.
  ///   - key: the key to take of several in it.
  package init(run: String?, role: KeyRole, keys: String? = nil, key: String? = nil) throws {
    context = try Context()
    var setting = SecuritySetting.none
    let control: String
    if let run, run.contains("://") {
      control = run
      if keys != nil { setting.scope = run.hasPrefix("tcp") ? .betweenHosts : .everywhere }
    } else {
      let directory = try run.map { RunDirectory(path: $0) } ?? RunDirectory.onlyLive(below: "runs")
      guard directory.exists, directory.isLive else {
        throw PipelineError(.noSuchRun, "\(directory.path): no live run there")
      }
      control = try directory.identity().control
      setting = SecuritySetting(try directory.storedTopology())
    }
    guard let doors = Doors(control) else {
      throw PipelineError(.configuration, "\(control): give the coordinator's endpoint as tcp://HOST:PORT")
    }
    self.doors = doors
    if let keys { setting.keys = keys }
    // Beside the coordinator, where nothing but tcp is encrypted, no key is needed.
    if setting.scope == .betweenHosts, !control.hasPrefix("tcp") { setting.scope = .none }
    security = try RunSecurity(setting, role: role, key: key)
  }

  deinit { requests?.close() }

  private func open() throws -> Socket {
    if let requests { return requests }
    var options = SocketOptions()
    options.identity = Array("client#\(getpid())-\(UInt32.random(in: .min ... .max))".utf8)
    let socket = try Socket(.dealer, in: context, options: options)
    try security.connect(socket, toCoordinator: doors.clients)
    requests = socket
    return socket
  }

  private func nobody(at endpoint: String, seconds: Double = answerSeconds) -> PipelineError {
    let key =
      security.covers(endpoint)
      ? ", or it refuses this key" : endpoint.hasPrefix("tcp") ? SecuritySetting.keysMayBeNeeded : ""
    return PipelineError(
      .unreachable, "\(endpoint): no answer from a coordinator within \(ProgressReporter.digits(seconds, 0)) s\(key)")
  }

  /// - Throws: `.unreachable` when nobody answers, `.configuration` with the coordinator's objection.
  package func ask(_ request: ClientRequest) throws -> RunStatus {
    let socket = try open()
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
    throw nobody(at: doors.workers)
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
  /// - Throws: `.unreachable` when no coordinator answers, or when no item came at all before the time was up or the run
  ///   ended.
  @discardableResult
  package func tap(
    _ stage: Stage, every: Int, limit: Int?, timeoutSeconds: Double, onItem: (TapItem) throws -> Void
  ) throws -> Int {
    let subscriber = try Socket(.sub, in: context)
    defer { subscriber.close() }
    try subscriber.subscribe(Array("\(stage.rawValue)/\(every)".utf8))
    try subscriber.subscribe(Array(TapDirectory.topic.utf8))
    try security.connect(subscriber, toCoordinator: doors.taps)
    var connected: Set<String> = []
    var seen = 0
    var lastItem = Monotonic.seconds()
    var lastDirectory = lastItem
    var end = "in \(ProgressReporter.digits(timeoutSeconds, 0)) s"
    while limit.map({ seen < $0 }) ?? true {
      let now = Monotonic.seconds()
      guard let message = try subscriber.receive() else {
        // Who does not say where the taps are any more has ended; who never did is not there.
        if now - lastDirectory > Self.answerSeconds {
          guard !connected.isEmpty else { throw nobody(at: doors.workers) }
          end = "before the run ended"
          break
        }
        if now - lastItem > timeoutSeconds { break }
        usleep(2000)
        continue
      }
      guard message.parts.count >= 2 else { continue }
      let (topic, body) = (String(decoding: message.parts[0].array, as: UTF8.self), message.parts[1].array)
      if topic == TapDirectory.topic {
        lastDirectory = now
        try follow(body, stage, subscriber, &connected)
        continue
      }
      lastItem = now
      seen += 1
      let payload = message.parts.count > 2 ? message.parts[2] : nil
      try onItem(TapItem(topic: topic, header: body, payload: payload))
    }
    guard seen > 0 || limit == 0 else {
      if connected.isEmpty { throw nobody(at: doors.workers, seconds: timeoutSeconds) }
      throw PipelineError(
        .unreachable, "\(doors.workers): the stage \(stage.rawValue) made nothing to see \(end)")
    }
    return seen
  }

  /// Connects to the taps of the stage that are new; the plan's is where the directory comes from.
  private func follow(_ json: [UInt8], _ stage: Stage, _ subscriber: Socket, _ connected: inout Set<String>) throws {
    guard let directory = try? JSONDecoder().decode(TapDirectory.self, from: Data(json)) else { return }
    connected.insert(doors.taps)
    for tap in directory.taps where tap.stage == stage.rawValue && stage != .plan {
      let (ipc, tcp) = (tap.tap.ipc, tap.tap.tcp)
      guard let endpoint = doors.taps.hasPrefix("tcp") ? tcp ?? ipc : ipc ?? tcp,
        connected.insert(endpoint).inserted
      else { continue }
      try security.connect(subscriber, to: endpoint, key: tap.tap.key)
    }
  }
}
