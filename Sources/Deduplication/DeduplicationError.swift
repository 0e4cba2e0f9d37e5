/// What went wrong while hashing or comparing videos: names the file and says what to do.
package struct DeduplicationError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable {
    /// A file of hashes cannot be read or written.
    case hashes
    /// A file of features does not fit its index or the others.
    case features
    /// What says which videos are copies cannot be read.
    case truth
    /// A target is the corpus itself, or there twice.
    case targets
    /// There is nothing to compare or to calibrate by, or nothing left.
    case empty
  }

  package let code: Code
  package let message: String
  package let underlying: (any Error)?

  package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  package var description: String { underlying.map { "\(message): \($0)" } ?? message }
}
