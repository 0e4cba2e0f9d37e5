/// What went wrong with a network, its weights or its input, and what the user can do.
package struct NetworkError: Error, CustomStringConvertible, Sendable {
  package enum Code: Sendable {
    /// No preset of that name, or a setting out of range.
    case invalidDefinition
    /// Clips, labels or vectors that do not fit the network.
    case invalidInput
    /// A file that is not valid safetensors, or cannot be read or written.
    case invalidFile
    /// Tensors of a weights file that do not fit the network.
    case mismatchedWeights
    /// More memory than the machine has.
    case outOfMemory
  }

  package let code: Code
  package let message: String
  package let underlying: (any Error)?

  package init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.underlying = underlying
  }

  package var description: String { message }
}
