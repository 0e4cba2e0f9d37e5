/// What went wrong while planning or writing a synthetic collection, and what to do about it.
package struct SynthesisError: Error, CustomStringConvertible {
  package enum Code: Sendable {
    /// An option has a value that no collection can have.
    case invalidOption
    /// The directory holds something already.
    case directoryNotEmpty
    /// A file could not be written.
    case io
    /// A video could not be encoded.
    case encode
  }

  package let code: Code
  package let message: String
  package let underlying: (any Error)?

  package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  package var description: String {
    underlying.map { "\(message): \($0)" } ?? message
  }
}
