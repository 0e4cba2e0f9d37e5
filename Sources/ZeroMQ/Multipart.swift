/// A whole message: its parts travel together or not at all.
package struct Multipart: Sendable {
  package var parts: [MessagePart]

  package init(_ parts: MessagePart...) {
    self.parts = parts
  }

  package init(parts: [MessagePart]) {
    self.parts = parts
  }
}
