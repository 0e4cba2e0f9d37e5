internal import Glibc

/// Directories, as the system sees them.
package enum Directory {
  /// Makes a directory and the parents it needs; one that is there already is left as it is.
  ///
  /// - Parameter mode: of the last one, less what the umask takes.
  package static func make(_ path: String, mode: UInt32 = 0o777) throws(FileError) {
    guard mkdir(path, mode) != 0 else { return }
    var number = errno
    if number == ENOENT, let parent = parent(of: path) {
      try make(parent)
      guard mkdir(path, mode) != 0 else { return }
      number = errno
    }
    guard number == EEXIST, isThere(path) else { throw FileError("make the directory", path, number: number) }
  }

  /// Whether `path` is a directory, or a link to one.
  package static func isThere(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Gives a file that is written its name, when it is on the disk: readers see the old file or the whole new one.
  package static func replace(_ path: String, by unnamed: String) throws(FileError) {
    let descriptor = open(unnamed, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("read", unnamed, number: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("write", path, number: errno) }
    guard rename(unnamed, path) == 0 else { throw FileError("replace", path, number: errno) }
    synchronize(around: path)
  }

  /// Does something while no other process that asks for the same does: a lock on a directory, gone with this process however it
  /// ends.
  ///
  /// - Parameter waiting: called if another process has it, before that is waited for.
  package static func locked<Result>(
    _ path: String, waiting: () -> Void, _ body: () throws -> Result
  ) throws -> Result {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("read the directory", path, number: errno) }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { waiting() }
      while flock(descriptor, LOCK_EX) != 0 {
        guard errno == EINTR else { throw FileError("lock the directory", path, number: errno) }
      }
    }
    return try body()
  }

  /// The directory a path lies in; nil for one that has none but the current or the root.
  static func parent(of path: String) -> String? {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    while parts.count > 1, parts.last == "" { parts.removeLast() }
    let parent = parts.dropLast().joined(separator: "/")
    return parent.isEmpty ? nil : parent
  }

  /// Makes what was renamed or made in the directory of `path` durable; a file system that cannot is left to its own
  /// means.
  package static func synchronize(around path: String) {
    let descriptor = open(parent(of: path) ?? (path.hasPrefix("/") ? "/" : "."), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
