/// What went wrong in a run, with the worker, file or peer named.
package struct PipelineError: Error, CustomStringConvertible, Sendable, Equatable {
  package enum Code: Sendable {
    case configuration
    case runDirectory
    case runIsLive
    case settingsDiffer
    case checkpoint
    case ledger
    /// There is no room on the disk of the run: what can be waited for.
    case diskFull
    case audit
    case diverged
    case transient
    case refused
    case unreachable
    case noSuchRun
    case worker
    case keys
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
