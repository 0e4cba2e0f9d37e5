import Foundation
import Pipeline
import Tensors
import Video
import Wire

/// Every decoder of messages: bytes become a value that gives the same bytes again, or an error. The first byte says which
/// decoder the rest is for.
struct WireTarget: FuzzTarget {
  private typealias Decoder = (_ bytes: [UInt8]) throws -> Void

  /// Their order is that of the inputs' first bytes: new ones go to the end.
  private static func makeDecoders() -> [Decoder] {
    [
      envelope, tensor, table,
      exact(TensorDescriptor.self), exact(GroupKey.self), exact(ItemKey.self), exact(WorkItem.self),
      exact(LeaseMessage.self), exact(WindowHeader.self), exact(ClipHeader.self), exact(BatchHeader.self),
      exact(BlockHeader.self), exact(BlockTaken.self), exact(ParametersHeader.self), exact(Accepted.self),
      control(Hello.self), control(Welcome.self), control(Refused.self), control(Introduce.self),
      control(Heartbeat.self),
      control(Leaving.self), control(Dismissed.self), control(Peers.self), control(Failed.self),
      control(WorkerExited.self), control(ScaleTo.self), exact(TrainLease.self), exact(TrainedReports.self),
      control(EvaluateLease.self), control(EvaluatedReport.self), control(Commit.self), control(Applied.self),
      control(GradientSquares.self), control(ClipScale.self), control(Load.self), control(Loaded.self),
      control(Checkpointed.self), control(Drop.self), control(ClientRequest.self), control(ClientReply.self),
      exact(FetchParameters.self), control(Alive.self), tapDirectory,
    ]
  }

  static var decoderCount: Int { makeDecoders().count }

  private let decoders = makeDecoders()

  init(seeds: String) {}

  func run(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first, Int(first) < decoders.count else { return }
    try? decoders[Int(first)](Array(bytes.dropFirst()))
  }

  /// One exact form: what is decoded is encoded as it was.
  private static func exact<Value: WireCodable>(_ type: Value.Type) -> Decoder {
    { bytes in
      let value = try Value(body: bytes)
      precondition(value.encodedBody == bytes, "\(Value.self): another form of the same value")
    }
  }

  private static func control<Value: ControlMessage>(_ type: Value.Type) -> Decoder {
    { bytes in
      func encodedAgain(_ body: [UInt8]) throws -> [UInt8] {
        let envelope = Envelope(kind: Value.kind.rawValue, run: 0, incarnation: 0, body: body)
        return try Value(from: envelope).envelope(RunStamp()).body
      }
      let body = try encodedAgain(bytes)
      let again = try? encodedAgain(body)
      precondition(again == body, "\(Value.self): changes from one encoding to the next")
    }
  }

  /// What `sluice tap` reads.
  private static func tapDirectory(_ bytes: [UInt8]) throws {
    let directory = try JSONDecoder().decode(TapDirectory.self, from: Data(bytes))
    let again = try? JSONDecoder().decode(TapDirectory.self, from: JSONEncoder().encode(directory))
    precondition(again == directory, "a directory of taps changes from one encoding to the next")
  }

  /// A whole frame; and one whose checksum fits, which bytes by chance do not.
  private static func envelope(_ bytes: [UInt8]) throws {
    for frame in [bytes, ByteWriter.sealing(bytes)] {
      guard let envelope = try? frame.withUnsafeBytes({ try Envelope.decode($0) }) else { continue }
      precondition(envelope.encoded() == frame, "an envelope has another form")
    }
  }

  /// A descriptor and its payload.
  private static func tensor(_ bytes: [UInt8]) throws {
    var reader = ByteReader(bytes)
    var descriptor = try TensorDescriptor(from: &reader)
    let payload = Array(bytes.suffix(reader.remaining))
    for isSealed in [false, true] {
      if isSealed, descriptor.compression == .none {
        descriptor.checksum = payload.withUnsafeBytes { XXH3.hash($0, seed: 7) }
      }
      _ = try? payload.withUnsafeBytes { payload in
        try TensorCodec.decode(descriptor, payload: payload, seed: 7, maximumByteCount: 1 << 20)
      }
    }
  }

  /// A packet table whose checksum fits.
  private static func table(_ bytes: [UInt8]) throws {
    let blob = ByteWriter.sealing(bytes)
    let table = try PacketTable(blob: blob)
    precondition((try? PacketTable(blob: table.blob)) == table, "a packet table changes from one encoding to the next")
    let middle = table.frameCount / 2
    for frames in [[0], [middle, middle &+ 1], [0, middle]] {
      guard let slice = table.slice(for: frames) else { continue }
      precondition((try? PacketTable(blob: slice.blob)) == slice, "a slice changes on its way")
    }
  }
}

extension ByteWriter {
  /// The bytes and their checksum.
  fileprivate static func sealing(_ bytes: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.writeRaw(bytes)
    writer.write(XXH3.hash(bytes))
    return writer.bytes
  }
}
