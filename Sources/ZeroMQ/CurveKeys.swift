internal import CZeroMQ

/// A CURVE key pair (Curve25519): both halves as the 40 characters of Z85. Printing it shows the public half only.
package struct CurveKeys: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  package let publicKey: String
  package let secretKey: String

  /// - Throws: `.invalid` when a half is not 40 characters of Z85, or the two do not belong together.
  package init(publicKey: String, secretKey: String) throws(ZeroMQError) {
    // A mistake here would show as connections that are refused without a word.
    guard try Self.publicKey(ofSecret: secretKey) == publicKey else {
      throw ZeroMQError(code: .invalid, operation: "key", message: "the public and the secret half do not match")
    }
    self.publicKey = publicKey
    self.secretKey = secretKey
  }

  /// A new pair from the system's random numbers.
  package static func make() throws(ZeroMQError) -> CurveKeys {
    var publicKey = [CChar](repeating: 0, count: 41)
    var secretKey = [CChar](repeating: 0, count: 41)
    guard zmq_curve_keypair(&publicKey, &secretKey) == 0 else { throw .last("key pair") }
    return try CurveKeys(publicKey: text(publicKey), secretKey: text(secretKey))
  }

  /// Whether `text` is 32 bytes in Z85.
  package static func isKey(_ text: String) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 32)
    return text.utf8.count == 40 && zmq_z85_decode(&bytes, text) != nil
  }

  package var description: String { publicKey }
  package var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }

  /// `bytes` in Z85; nil when they are not 32.
  static func encode(_ bytes: [UInt8]) -> String? {
    guard bytes.count == 32 else { return nil }
    var encoded = [CChar](repeating: 0, count: 41)
    return zmq_z85_encode(&encoded, bytes, bytes.count) == nil ? nil : text(encoded)
  }

  private static func publicKey(ofSecret secret: String) throws(ZeroMQError) -> String {
    guard isKey(secret) else {
      throw ZeroMQError(code: .invalid, operation: "key", message: "the secret half is not 40 characters of Z85")
    }
    var derived = [CChar](repeating: 0, count: 41)
    guard zmq_curve_public(&derived, secret) == 0 else { throw .last("key") }
    return text(derived)
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
