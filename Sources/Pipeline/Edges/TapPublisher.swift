import Foundation
package import Tensors
package import Wire
package import ZeroMQ

/// A worker's tap: live copies of what it makes, for whoever subscribes. Lives on the stage's socket thread.
///
/// Topic `stage/n` shows the items whose stable hash is a multiple of n, so the same samples are seen at every stage.
/// Without a subscriber nothing is encoded; a slow subscriber loses messages and sees it by the sequence number.
package final class TapPublisher {
  /// A tensor, uncompressed.
  package struct Frame {
    package var buffer: AlignedBuffer
    /// Its dimensions, element type and layout.
    package var tensor: TensorDescriptor

    package init(buffer: AlignedBuffer, tensor: TensorDescriptor) {
      self.buffer = buffer
      self.tensor = tensor
    }
  }

  private var socket: Socket
  private let thread: SocketThread
  private let place: ProcessPlace
  private let stage: String
  private let worker: WorkerID
  package let endpoints: Endpoints
  /// What somebody selects. A set, not counts: libzmq passes on every subscription, and of each topic only the last one's end.
  private var divisors: Set<UInt64> = []
  private var sequence: [UInt64: Int] = [:]
  /// Whether anybody has subscribed to items.
  package var isWatched: Bool { !divisors.isEmpty }
  private var revocations = 0
  private var isClosed = false

  /// What subscribers of `TapDirectory.topic` get, when they come and from then on every second; the coordinator's only.
  package var directory: (() -> TapDirectory)?
  private var hasDirectoryReaders = false
  /// Endpoints beside `endpoints`: where the coordinator's tap is known to be.
  private var doors: [String] = []

  private static let maxRequestBytes: Int64 = 1 << 16
  private static let beat = Duration.seconds(1)
  /// Selections that are served at once.
  private static let mostDivisors = 64

  package init(
    stage: String, worker: WorkerID, place: ProcessPlace, thread: SocketThread
  ) throws(ZeroMQError) {
    socket = try Self.makeSocket(place)
    endpoints = try place.bind(socket, name: "\(stage)-tap", for: .tap)
    self.place = place
    self.thread = thread
    self.stage = stage
    self.worker = worker
  }

  private static func makeSocket(_ place: ProcessPlace) throws(ZeroMQError) -> Socket {
    var options = SocketOptions.requests(maxBytes: maxRequestBytes)
    options.sendHighWaterMark = 8
    return try Socket(.xpub, in: place.context, options: options)
  }

  /// Listens on one more endpoint. Before `start`.
  package func open(_ endpoint: String) throws(ZeroMQError) {
    doors.append(try place.bind(socket, to: endpoint, for: .tap))
  }

  package func start() {
    thread.watch(socket) { [unowned self] in drain() }
    scheduleBeat()
  }

  package func close() {
    guard !isClosed else { return }
    isClosed = true
    thread.unwatch(socket)
    socket.close()
  }

  private func scheduleBeat() {
    _ = thread.schedule(after: Self.beat) { [weak self] in
      guard let self, !isClosed else { return }
      if place.security.revocations(.tap) != revocations { reopen() }
      publishDirectory()
      scheduleBeat()
    }
  }

  /// A subscriber asks once and listens for ever: to be rid of one whose key was revoked, all connections are closed. The
  /// others come back by themselves.
  private func reopen() {
    thread.unwatch(socket)
    socket.close()
    divisors = []
    hasDirectoryReaders = false
    do throws(ZeroMQError) {
      socket = try Self.makeSocket(place)
      for endpoint in [endpoints.inproc, endpoints.ipc, endpoints.tcp].compactMap({ $0 }) + doors {
        _ = try place.bind(socket, to: endpoint, for: .tap)
      }
      revocations = place.security.revocations(.tap)
      thread.watch(socket) { [unowned self] in drain() }
    } catch {
      // libzmq closes in the background: the names are free a moment later, and the next beat tries again.
    }
  }

  /// Publishes an item to the subscribers that selected it; `make` runs only if there is one.
  package func publish(_ key: ItemKey, _ make: () -> (header: [String: TapValue], frame: Frame?)) {
    guard isWatched else { return }
    let hash = key.stableHash
    let wanted = divisors.filter { hash.isMultiple(of: $0) }.sorted()
    guard !wanted.isEmpty else { return }
    var (header, frame) = make()
    header["kind"] = .text(key.group.kind == .training ? "training" : "evaluation")
    header["step"] = .integer(key.group.step)
    header["replica"] = .integer(key.group.index)
    header["slot"] = .integer(key.slot)
    header["attempt"] = .integer(key.attempt)
    for divisor in wanted { send(divisor, header, frame) }
  }

  private func send(_ divisor: UInt64, _ fields: [String: TapValue], _ frame: Frame?) {
    var header = fields
    sequence[divisor, default: 0] += 1
    header["sequence"] = .integer(sequence[divisor]!)
    header["stage"] = .text(stage)
    header["worker"] = .text(worker)
    if let frame {
      header["shape"] = .integers(frame.tensor.dimensions)
      header["dtype"] = .text("\(frame.tensor.elementType)")
      header["layout"] = .text("\(frame.tensor.layout)")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(header) else { return }
    var parts = [MessagePart(bytes: Array("\(stage)/\(divisor)".utf8)), MessagePart(bytes: Array(json))]
    if let frame {
      parts.append(MessagePart(sharing: UnsafeRawBufferPointer(frame.buffer.bytes), owner: frame.buffer))
    }
    _ = try? socket.send(Multipart(parts: parts))
  }

  private func publishDirectory() {
    guard hasDirectoryReaders, let directory = directory?(), let json = try? JSONEncoder().encode(directory) else {
      return
    }
    _ = try? socket.send(Multipart(MessagePart(bytes: Array(TapDirectory.topic.utf8)), MessagePart(bytes: Array(json))))
  }

  private func drain() {
    while !isClosed, let message = try? socket.receive() {
      guard place.security.accepts(message, from: .tap),
        let bytes = message.parts.first?.array, let first = bytes.first, first <= 1,
        let topic = String(validating: bytes.dropFirst(), as: UTF8.self)
      else { continue }
      if topic == TapDirectory.topic {
        hasDirectoryReaders = first == 1
        if hasDirectoryReaders { publishDirectory() }
        continue
      }
      // Only as it is sent: `stage/01` is another topic.
      guard topic.hasPrefix("\(stage)/"), let divisor = UInt64(topic.dropFirst(stage.count + 1)), divisor > 0,
        topic == "\(stage)/\(divisor)"
      else { continue }
      if first == 0 {
        divisors.remove(divisor)
      } else if divisors.count < Self.mostDivisors {
        divisors.insert(divisor)
      }
    }
  }
}

/// A value in a tap's header.
package enum TapValue: Encodable, Sendable {
  case text(String)
  case integer(Int)
  case number(Double)
  case integers([Int])

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .integers(let value): try container.encode(value)
    }
  }
}
