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
    try OutputFile.requireWritable(path)
    file = fopen(partial, "we")
    guard file != nil else { throw FileError("create the file", path, number: errno) }
  }

  /// Goes on with a file that is unfinished, or begins it. It stays as it is, for one who goes on with it once more.
  ///
  /// - Parameters:
  ///   - path: where its bytes go when it is finished, on any disk; tried at once, so that a pass of hours does not end with an error.
  ///   - partial: its name.
  ///   - byteCount: how much of it is kept.
  init(path: String, continuing partial: String, byteCount: Int) throws(FileError) {
    (self.path, self.partial, staysUnfinished) = (path, partial, true)
    try OutputFile.requireWritable(path)
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
    guard ferror(file) == 0, fflush(file) == 0, fsync(fileno(file)) == 0 else {
      throw FileError("write", path, number: errno)
    }
    if staysUnfinished {
      try copy()
    } else if rename(partial, path) != 0 {
      throw FileError("write", path, number: errno)
    }
    fclose(file)
    self.file = nil
  }

  /// Finishes a file with something in it; without, removes the one that an earlier pass left under its name.
  func finishUnlessEmpty() throws(FileError) {
    if try flush() > 0 { try finish() } else { unlink(path) }
  }

  private func copy() throws(FileError) {
    let source = open(partial, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw FileError("read", partial, number: errno) }
    defer { close(source) }
    try OutputFile.replace(path) { (output) throws(FileError) in
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while true {
        let count = read(source, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw FileError("read", partial, number: errno) }
        guard count > 0 else { return }
        try buffer.withUnsafeBufferPointer { (bytes) throws(FileError) in
          try output.append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<count])))
        }
      }
    }
  }
}
