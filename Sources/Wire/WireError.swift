/// Why bytes from another process or a file were not accepted.
package struct WireError: Error, CustomStringConvertible, Sendable, Equatable {
  package enum Code: Sendable, Equatable {
    /// The bytes end before what they announce.
    case short
    /// Bytes are left over.
    case trailing
    /// Another version of the format.
    case version
    /// Not a message of ours at all.
    case magic
    case checksum
    /// A tensor's dimensions do not fit its type, layout or length.
    case shape
    /// More than a field can hold, or than the reader allows.
    case tooLarge
    case compression
    /// A field holds a value without meaning.
    case value
  }

  package let code: Code
  /// The reason, with the figures found.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "wire format (\(code)): \(message)" }
}
