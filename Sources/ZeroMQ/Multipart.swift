/// A whole message: its parts travel together or not at all.
package struct Multipart: Sendable {
  package var parts: [MessagePart]
  /// Of a received one: the public key that a `Gatekeeper` let in; nil where it came without encryption or from a server.
  package var sender: String?

  package init(_ parts: MessagePart...) {
    self.parts = parts
  }

  package init(parts: [MessagePart]) {
    self.parts = parts
  }
}
