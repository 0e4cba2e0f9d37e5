/// One immutable part of a message. It can be sent to any number of peers, from any thread, without a copy.
package final class MessagePart: Sendable {
  package let message: Message

  package init(_ message: consuming Message) {
    self.message = message
  }

  /// A copy of `bytes`.
  package convenience init(bytes: [UInt8]) {
    self.init(Message(bytes))
  }

  /// The bytes themselves; see `Message.init(sharing:owner:)`.
  package convenience init(sharing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    self.init(Message(sharing: bytes, owner: owner))
  }

  package var byteCount: Int { message.byteCount }

  /// The bytes, valid inside of `body` only, or for as long as the part is kept alive.
  package func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try message.withUnsafeBytes(body)
  }

  /// A copy of the bytes.
  package var array: [UInt8] { message.array }
}
