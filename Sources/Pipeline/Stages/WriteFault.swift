package import Files
import Glibc

/// A fault at one step of writing a file.
package struct WriteFault: Sendable, Equatable {
  package var step: WriteStep
  /// Of the path of the file, or of the directory that is renamed.
  package var suffix: String
  /// The fault is there while this file is.
  package var marker: String
  /// The process is killed, once: the marker goes before. Otherwise the disk is full.
  package var kills: Bool

  package func strike(_ step: WriteStep, _ path: String) throws(FileError) {
    guard step == self.step, path.hasSuffix(suffix) else { return }
    if kills {
      guard unlink(marker) == 0 else { return }
      // With its supervisor: the machine is gone, not a process.
      kill(getppid(), SIGKILL)
      kill(getpid(), SIGKILL)
    } else if access(marker, F_OK) == 0 {
      throw FileError("write", path, number: ENOSPC)
    }
  }
}
