internal import Glibc

/// An exclusive lock on a directory, gone with the value or the process.
package final class DirectoryLock: Sendable {
  private let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Locks a directory, which is made if it is not there.
  ///
  /// - Returns: nil if another has it.
  package static func take(_ path: String) throws(FileError) -> DirectoryLock? {
    while true {
      try Directory.make(path)
      let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      if descriptor < 0, errno == ENOENT { continue }
      guard descriptor >= 0 else { throw FileError("read", path, number: errno) }
      let lock = DirectoryLock(descriptor: descriptor)
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
      var status = stat()
      // Who had it may have removed the directory since.
      if fstat(descriptor, &status) == 0, status.st_nlink > 0 { return lock }
    }
  }
}
