internal import Foundation
internal import Tensors

/// A file that appears under its name only when it is whole and on the disk.
final class AtomicFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32

  private init(_ path: String) throws(NetworkError) {
    self.path = path
    temporaryPath = "\(path).\(getpid()).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure("create", temporaryPath) }
  }

  /// Writes what `body` appends; on an error nothing is left behind.
  static func write(to path: String, _ body: (AtomicFile) throws(NetworkError) -> Void) throws(NetworkError) {
    let file = try AtomicFile(path)
    do throws(NetworkError) {
      try body(file)
      guard fsync(file.descriptor) == 0 else { throw failure("write", file.temporaryPath) }
      guard rename(file.temporaryPath, path) == 0 else { throw failure("write", path) }
    } catch {
      close(file.descriptor)
      unlink(file.temporaryPath)
      throw error
    }
    close(file.descriptor)
    syncDirectory(of: path)
  }

  func append(_ buffer: AlignedBuffer) throws(NetworkError) {
    // The memory lives as long as its owner, which Swift may otherwise release before the last write.
    defer { withExtendedLifetime(buffer) {} }
    let bytes = buffer.bytes
    var done = 0
    while done < bytes.count {
      // Linux writes at most 2 GiB at once.
      let written = Foundation.write(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw Self.failure("write", temporaryPath) }
      done += written
    }
  }

  /// Makes the new name itself durable; a file system that cannot is left to its own means.
  private static func syncDirectory(of path: String) {
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let directory = open(parent, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }

  private static func failure(_ action: String, _ path: String) -> NetworkError {
    NetworkError(.invalidFile, "Cannot \(action) \(path): \(String(cString: strerror(errno))).")
  }
}
