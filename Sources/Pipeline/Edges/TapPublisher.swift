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

  private let socket: Socket
  private let thread: SocketThread
  private let stage: String
  private let worker: WorkerID
  package let endpoints: Endpoints
  private var subscriptions: [UInt64: Int] = [:]
  private var sequence: [UInt64: Int] = [:]

  package init(
    stage: String, worker: WorkerID, place: ProcessPlace, thread: SocketThread
  ) throws(ZeroMQError) {
    var options = SocketOptions()
    options.sendHighWaterMark = 8
    socket = try Socket(.xpub, in: place.context, options: options)
    endpoints = try place.bind(socket, name: "\(stage)-tap")
    self.thread = thread
    self.stage = stage
    self.worker = worker
  }

  package func start() { thread.watch(socket) { [unowned self] in drain() } }

  package func close() {
    thread.unwatch(socket)
    socket.close()
  }

  /// Publishes an item to the subscribers that selected it; `make` runs only if there is one.
  package func publish(_ key: ItemKey, _ make: () -> (header: [String: TapValue], frame: Frame?)) {
    guard !subscriptions.isEmpty else { return }
    let hash = key.stableHash
    let wanted = subscriptions.keys.filter { hash.isMultiple(of: $0) }.sorted()
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

  private func drain() {
    while let message = try? socket.receive() {
      guard let bytes = message.parts.first?.array, let first = bytes.first, first <= 1,
        let topic = String(validating: bytes.dropFirst(), as: UTF8.self),
        topic.hasPrefix("\(stage)/"), let divisor = UInt64(topic.dropFirst(stage.count + 1)), divisor > 0
      else { continue }
      let count = (subscriptions[divisor] ?? 0) + (first == 1 ? 1 : -1)
      subscriptions[divisor] = count > 0 ? count : nil
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
