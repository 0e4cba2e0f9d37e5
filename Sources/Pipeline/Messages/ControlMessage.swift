import Foundation
package import Wire

/// A control message: rare enough for its body to be JSON, which scripts can read too.
package protocol ControlMessage: Codable, Sendable {
  static var kind: MessageKind { get }
}

extension ControlMessage {
  package func envelope(_ stamp: RunStamp) -> Envelope {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // Encoding fails only for values JSON lacks, and those are converted above.
    let body = (try? encoder.encode(self)) ?? Data()
    return Envelope(Self.kind, stamp: stamp, body: Array(body))
  }

  /// - Throws: `.value` when the body is not this message.
  package init(from envelope: Envelope) throws(WireError) {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      self = try decoder.decode(Self.self, from: Data(envelope.body))
    } catch {
      throw WireError(.value, "\(Self.kind): \(error)")
    }
  }
}
