internal import Files
internal import Glibc

/// A file written line by line, that appears under its name when it is finished.
final class LineWriter {
  private let path: String
  private let partial: String
  private let staysUnfinished: Bool
  private var file: UnsafeMutablePointer<FILE>?

  init(path: String) throws(FileError) {
    (self.path, partial, staysUnfinished) = (path, "\(path).\(getpid()).partial", false)
    file = fopen(partial, "we")
    guard file != nil else { throw FileError("create the file", path, number: errno) }
  }

  /// Goes on with a file that is unfinished, or begins it; if it is not finished now either, it stays as it is.
  ///
  /// - Parameters:
  ///   - partial: its name until then.
  ///   - byteCount: how much of it is kept.
  init(path: String, continuing partial: String, byteCount: Int) throws(FileError) {
    (self.path, self.partial, staysUnfinished) = (path, partial, true)
    file = fopen(partial, "ae")
    guard let file, truncate(partial, off_t(byteCount)) == 0, fseek(file, 0, SEEK_END) == 0 else {
      throw FileError("create the file", partial, number: errno)
    }
  }

  deinit {
    guard let file else { return }
    fclose(file)
    if !staysUnfinished { unlink(partial) }
  }

  /// A failure is kept until `flush` or `finish`.
  func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let file { fwrite(bytes.baseAddress, 1, bytes.count, file) }
  }

  func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  /// A row that cannot be used: its place, what is wrong, and the row.
  func append(_ reject: MatchingPass.Reject, at place: String) {
    append("\(place): \(reject.reason)\t")
    reject.bytes.withUnsafeBufferPointer { append($0) }
    append("\n")
  }

  /// - Returns: bytes written so far.
  func flush() throws(FileError) -> Int {
    guard let file else { return 0 }
    guard ferror(file) == 0, fflush(file) == 0 else { throw FileError("write", partial, number: errno) }
    return ftell(file)
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
