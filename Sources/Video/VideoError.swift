/// What went wrong with a video file: the file's name, the operation, and what to do where something can be done.
package struct VideoError: Error, CustomStringConvertible, Sendable {
  package enum Code: String, Sendable {
    /// No such file.
    case notFound
    /// The container is not one that libav reads, or its headers are damaged.
    case cannotOpen
    case noVideoStream
    case noFrames
    /// A frame of the window failed to decode or carries marks of damage.
    case corrupt
    /// A frame of the window is not in the file, or decoding does not output it.
    case windowNotWhole
    /// The file asked for more packets, frames or bytes than one call may spend.
    case budgetExceeded
    case unsupported
    /// The operating system failed, not the file.
    case io
    /// Writing or encoding failed.
    case encode
  }

  package let code: Code
  package let message: String
  /// True when the failure comes from the machine at this moment (EIO, ENOMEM, EMFILE, EACCES, time-outs…), so that the
  /// same file may well decode elsewhere or later. False when it is a function of the file's bytes.
  package let isTransient: Bool

  package var description: String { message }

  package init(_ code: Code, _ message: String, isTransient: Bool = false) {
    self.code = code
    self.message = message
    self.isTransient = isTransient
  }
}
