internal import Glibc

/// A file being written. Errors name it by the name it is to have.
package final class OutputFile {
  private let name: String
  private let descriptor: Int32

  /// Called at each step of `replace` with the file's name; only a test build sets it, to die or fail there.
  package nonisolated(unsafe) static var observe: ((WriteStep, String) throws(FileError) -> Void)?  // before any file

  private init(opening path: String, named name: String, flags: Int32, mode: UInt32 = 0o644) throws(FileError) {
    self.name = name
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode)
    guard descriptor >= 0 else { throw FileError("create the file", name, number: errno) }
  }

  deinit { close(descriptor) }

  package func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let observe = Self.observe else { return try write(bytes) }
    let half = bytes.count / 2
    try write(UnsafeRawBufferPointer(rebasing: bytes[..<half]))
    try observe(.half, name)
    try write(UnsafeRawBufferPointer(rebasing: bytes[half...]))
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var done = 0
    while done < bytes.count {
      // Linux writes at most 2 GiB at once.
      let written = Glibc.write(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw FileError("write", name, number: errno) }
      done += written
    }
  }

  private func append(_ bytes: some Sequence<UInt8>) throws(FileError) {
    let bytes = Array(bytes)
    try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in try append(UnsafeRawBufferPointer(buffer)) }
  }
}

extension OutputFile {
  /// Writes a file that appears under its name only when it is whole and on the disk; on an error nothing is left behind.
  /// - Parameter mode: of the file, less what the umask takes.
  package static func replace(
    _ path: String, mode: UInt32 = 0o644, _ body: (OutputFile) throws(FileError) -> Void
  ) throws(FileError) {
    let beside = "\(path).\(getpid()).partial"
    // Never into a file that somebody else has put there.
    unlink(beside)
    let file = try OutputFile(opening: beside, named: path, flags: O_EXCL, mode: mode)
    do throws(FileError) {
      try observe?(.opened, path)
      try body(file)
      try observe?(.written, path)
      guard fsync(file.descriptor) == 0 else { throw FileError("write", path, number: errno) }
      try observe?(.synced, path)
      guard rename(beside, path) == 0 else { throw FileError("replace", path, number: errno) }
      try observe?(.renamed, path)
    } catch {
      unlink(beside)
      throw error
    }
    Directory.synchronize(around: path)
  }

  package static func replace(
    _ path: String, with bytes: some Sequence<UInt8>, mode: UInt32 = 0o644
  ) throws(FileError) {
    try replace(path, mode: mode) { (file) throws(FileError) in try file.append(bytes) }
  }

  /// Tries at once what is to be written later, so that work of hours does not end with an error.
  ///
  /// - Throws: for a directory, and where no file can be made.
  package static func requireWritable(_ path: String) throws(FileError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError("create the file", path, number: EISDIR) }
      // Nothing is made beside a device or a pipe.
      guard status.st_mode & S_IFMT == S_IFREG else { return }
    }
    let beside = "\(path).\(getpid()).partial"
    unlink(beside)
    _ = try OutputFile(opening: beside, named: path, flags: O_EXCL)
    unlink(beside)
  }

  /// Writes a file in place, whether or not it is there.
  package static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileError) {
    try OutputFile(opening: path, named: path, flags: O_TRUNC).append(bytes)
  }

  /// Writes at the end of a file, made if it is not there: all of it or nothing.
  package static func append(_ bytes: some Sequence<UInt8>, to path: String) throws(FileError) {
    let file = try OutputFile(opening: path, named: path, flags: O_APPEND)
    let size = lseek(file.descriptor, 0, SEEK_END)
    do throws(FileError) {
      try file.append(bytes)
    } catch {
      ftruncate(file.descriptor, size)
      throw error
    }
  }
}
