internal import Files
internal import Glibc

/// A file written line by line, that appears under its name when it is finished.
final class LineWriter {
  private let path: String
  private let partial: String
  private var file: UnsafeMutablePointer<FILE>?

  init(path: String) throws(FileError) {
    self.path = path
    partial = "\(path).\(getpid()).partial"
    file = fopen(partial, "we")
    guard file != nil else { throw FileError("create the file", path, number: errno) }
  }

  deinit {
    guard let file else { return }
    fclose(file)
    unlink(partial)
  }

  /// A failure is kept until `finish`.
  func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let file { fwrite(bytes.baseAddress, 1, bytes.count, file) }
  }

  func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  func finish() throws(FileError) {
    guard let file else { return }
    guard ferror(file) == 0, fflush(file) == 0, fsync(fileno(file)) == 0, rename(partial, path) == 0 else {
      throw FileError("write", path, number: errno)
    }
    fclose(file)
    self.file = nil
  }
}
