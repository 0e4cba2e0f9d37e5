/// What went wrong with a corpus: its manifest, its labels or its index.
package struct CorpusError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable {
    /// There is no index in the directory.
    case missing
    /// The manifest or the label list cannot be read.
    case manifest
    /// A tar shard is cut, or not one.
    case damaged
    /// No row carries a label, or no video could be opened.
    case empty
    /// The index is damaged, of another version, or cannot be written.
    case index
    /// A label or rank that the corpus does not have was asked for.
    case outOfRange
    /// A subset's recipe or file is damaged, of another index, or wants what is not there.
    case subset
  }

  package let code: Code
  /// Names the file (and line) and says what to do; further mistakes follow on lines of their own.
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
