import Foundation
import Glibc

/// How a child process ended.
package struct ChildExit: Sendable, Equatable {
  package var status: Int32
  package var signal: Int32?

  package var description: String {
    signal.map { "killed by \(CrashSignals.name($0))" } ?? "exit status \(status)"
  }
}

/// The pipe whose read end children have as standard input; closed by the kernel when the supervisor dies.
package final class Lifeline: Sendable {
  fileprivate let pipe = Pipe()

  package init() {
    // The write end must stay here alone, or a child would keep its siblings alive.
    _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
  }
}

/// A child of a supervisor: this executable with other arguments.
package final class ChildProcess: @unchecked Sendable {
  // Sendable: `process` is only started, signalled and asked for its id, which Foundation allows from any thread.
  private let process = Process()

  package var processID: Int32 { process.processIdentifier }

  /// - Parameters:
  ///   - executable: path of the program.
  ///   - onExit: called once, on a thread of Foundation's.
  /// - Throws: `.worker` when it cannot be started.
  package init(
    executable: String, arguments: [String], lifeline: Lifeline, onExit: @escaping @Sendable (ChildExit) -> Void
  ) throws(PipelineError) {
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.standardInput = lifeline.pipe.fileHandleForReading
    process.terminationHandler = { process in
      let isSignal = process.terminationReason == .uncaughtSignal
      onExit(
        ChildExit(
          status: isSignal ? 0 : process.terminationStatus, signal: isSignal ? process.terminationStatus : nil))
    }
    do {
      try process.run()
    } catch {
      throw PipelineError(.worker, "cannot start \(executable) \(arguments.joined(separator: " ")): \(error)")
    }
  }

  package func send(signal: Int32) {
    guard process.isRunning else { return }
    kill(processID, signal)
  }
}
