internal import Files

/// Writes a large file in pieces. It has a name of its own until it is whole; what an earlier process left under that name is written over.
struct PieceWriter {
  private static let pieceBytes = 1 << 20

  private let path: String
  private var pending: [UInt8] = []
  private var unnamed: String { "\(path).new" }

  /// - Parameter path: what the file is to be called.
  init(path: String) throws(FileError) {
    self.path = path
    try OutputFile.write([], to: unnamed)
  }

  mutating func append(_ bytes: some Sequence<UInt8>) throws(FileError) {
    pending.append(contentsOf: bytes)
    if pending.count >= Self.pieceBytes { try flush() }
  }

  /// Gives the file its name.
  mutating func finish() throws(FileError) {
    try flush()
    try Directory.replace(path, by: unnamed)
  }

  private mutating func flush() throws(FileError) {
    try OutputFile.append(pending, to: unnamed)
    pending.removeAll(keepingCapacity: true)
  }
}
