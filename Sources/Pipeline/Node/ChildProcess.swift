internal import CSpawn
import Foundation
import Glibc
import Synchronization

/// How a child process ended.
package struct ChildExit: Sendable, Equatable {
  package var status: Int32
  package var signal: Int32?

  package var description: String {
    signal.map { "killed by \(CrashSignals.name($0))" } ?? "exit status \(status)"
  }
}

/// The pipe whose read end children have as standard input; closed by the kernel when the supervisor dies. No child gets the write
/// end: it would keep its siblings alive.
package final class Lifeline: Sendable {
  fileprivate let pipe = Pipe()

  package init() {}
}

/// A child of a supervisor: this executable with other arguments.
///
/// Not Foundation's `Process`: that notices an end by the closing of a socket, which another child inherits if it is started by
/// another thread at the same moment, so that the end is hidden as long as that one lives.
package final class ChildProcess: Sendable {
  package let processID: Int32
  /// Until its end has been taken notice of; its number may be another's then.
  private let isThere = Mutex(true)

  /// It has the lifeline as standard input, the other two standard files of this process, no other, and a process group of its
  /// own: a terminal's interrupt goes to the supervisor alone.
  ///
  /// - Parameters:
  ///   - executable: path of the program.
  ///   - onExit: called once, on a thread of the child's.
  /// - Throws: `.worker` when it cannot be started.
  package init(
    executable: String, arguments: [String], lifeline: Lifeline, onExit: @escaping @Sendable (ChildExit) -> Void
  ) throws(PipelineError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, lifeline.pipe.fileHandleForReading.fileDescriptor, STDIN_FILENO)
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let words = Self.copies([executable] + arguments)
    let environment = Self.copies(ProcessInfo.processInfo.environment.map { "\($0)=\($1)" })
    defer { for copy in words + environment { free(copy) } }
    var processID: pid_t = 0
    let error = posix_spawn(&processID, executable, &actions, &attributes, words, environment)
    guard error == 0 else {
      throw PipelineError(
        .worker, "cannot start \(executable) \(arguments.joined(separator: " ")): \(String(cString: strerror(error)))")
    }
    self.processID = processID
    let thread = Thread { onExit(self.wait()) }
    thread.name = "child \(processID)"
    thread.start()
  }

  /// With nil at the end.
  private static func copies(_ strings: [String]) -> [UnsafeMutablePointer<CChar>?] {
    strings.map { strdup($0) } + [nil]
  }

  private func wait() -> ChildExit {
    var (information, status) = (siginfo_t(), Int32(0))
    while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    isThere.withLock { isThere in
      waitpid(processID, &status, 0)
      isThere = false
    }
    let signal = status & 0x7F
    return ChildExit(status: signal == 0 ? status >> 8 & 0xFF : 0, signal: signal == 0 ? nil : signal)
  }

  package func send(signal: Int32) { isThere.withLock { if $0 { kill(processID, signal) } } }
}
