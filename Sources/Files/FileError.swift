internal import Glibc

/// A file or directory that cannot be made or written: its path, the system's reason and what to do.
package struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
  package let path: String
  /// What was tried, after "cannot".
  package let action: String
  /// The system's error number.
  package let number: Int32

  package init(_ action: String, _ path: String, number: Int32) {
    self.action = action
    self.path = path
    self.number = number
  }

  package var description: String {
    "\(path): cannot \(action): \(String(cString: strerror(number))); \(advice)"
  }

  /// Whether there is no room on the disk: what can be waited for.
  package var isDiskFull: Bool { number == ENOSPC || number == EDQUOT }

  /// Whether this process or the machine has as many files open as it may: what can be waited for, too.
  package var isOutOfFiles: Bool { number == EMFILE || number == ENFILE }

  private var advice: String {
    switch number {
    case EACCES, EPERM, EROFS: "choose a place this user may write to"
    case ENOTDIR: "a part of the path is a file: choose another path"
    case EEXIST: "a file of this name is there: choose another path or remove it"
    case EISDIR, ENOTEMPTY: "a directory of this name is there: choose another path or remove it"
    case ENOSPC, EDQUOT: "make room there or choose another disk"
    case EMFILE, ENFILE: "raise the limit of open files (ulimit -n, LimitNOFILE= of the service)"
    default: "choose another path"
    }
  }
}
