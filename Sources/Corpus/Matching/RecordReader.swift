internal import Foundation
internal import Glibc

/// Reads a file of metadata in blocks of whole records, decompressed as it goes: memory is bounded by the longest record
/// that is taken.
final class RecordReader {
  /// What comes next in a file.
  enum Piece: Sendable {
    case records(RecordBlock)
    /// A line of more than 16 MiB, which is passed over: its number, and how it begins.
    case longLine(Int, [UInt8])
  }

  static let chunk = 2 << 20
  /// Bytes of a line that is longer, for the rejects' file.
  private static let keptOfLongLine = 1 << 10
  /// U+FEFF, with which some programs begin a file; no part of its first record.
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  private let path: String
  private let ends: RecordEnds
  /// The file itself; a decompressing process reads through the same descriptor, so that its place is known here.
  private let file: FileHandle
  private let process: Process?
  private let unpacked: FileHandle
  /// The begin of the next block's first record.
  private var rest: [UInt8] = []
  private var isEnded = false
  private(set) var line: Int
  /// Bytes, decompressed, up to the end of the block last read.
  private(set) var offset: Int

  /// - Parameters:
  ///   - path: decompressed by its name: `.gz`, `.zst`, `.lz4`, by the programs gzip, zstd and lz4.
  ///   - ends: of its records.
  ///   - offset: where to begin, in bytes of what is decompressed: the end of a block.
  ///   - line: the line there.
  /// - Throws: `manifest` for a file that cannot be read.
  init(path: String, _ ends: RecordEnds, from offset: Int = 0, line: Int = 1) throws(CorpusError) {
    (self.path, self.ends, self.offset, self.line) = (path, ends, offset, line)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard let program = Self.decompressor(path) else {
      (process, unpacked) = (nil, file)
      lseek(descriptor, off_t(offset), SEEK_SET)
      return
    }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program, "-dc"]
    process.standardInput = file
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw CorpusError(.manifest, "\(path): \(program) cannot be started; install it", underlying: error)
    }
    self.process = process
    unpacked = pipe.fileHandleForReading
    try pass(over: offset)
  }

  private static func decompressor(_ path: String) -> String? {
    ["gz": "gzip", "zst": "zstd", "lz4": "lz4"][(path as NSString).pathExtension.lowercased()]
  }

  deinit {
    if let process, process.isRunning { process.terminate() }
  }

  /// The next records, at least one, or a line that is too long to be one.
  ///
  /// - Returns: nil at the end of the file.
  /// - Throws: `manifest` for what cannot be read or decompressed.
  func nextPiece() throws(CorpusError) -> Piece? {
    var bytes = rest
    bytes.reserveCapacity(rest.count + Self.chunk)
    var end = 0
    repeat {
      try fill(&bytes)
      if offset == 0, bytes.starts(with: Self.byteOrderMark) {
        bytes.removeFirst(Self.byteOrderMark.count)
        offset = Self.byteOrderMark.count
      }
      end = isEnded ? bytes.count : bytes.withUnsafeBufferPointer(ends.lastEnd)
      // Without a line break: a record of several lines would be known for none by now.
      if end == 0, bytes.count > RecordEnds.longest { return try passOverLine(beginning: bytes) }
    } while end == 0 && !isEnded
    guard end > 0 else { return nil }
    rest = Array(bytes[end...])
    bytes.removeLast(bytes.count - end)
    let block = RecordBlock(bytes: bytes, firstLine: line, ends: ends)
    for byte in bytes where byte == 0x0A { line &+= 1 }
    offset += end
    return .records(block)
  }

  /// The next records, at least one.
  ///
  /// - Returns: nil at the end of the file.
  /// - Throws: `manifest` for what cannot be read or decompressed, and for a line above 16 MiB.
  func next() throws(CorpusError) -> RecordBlock? {
    switch try nextPiece() {
    case .records(let block): return block
    case .longLine(let line, _):
      throw CorpusError(.manifest, "\(path):\(line): a line of more than 16 MiB; is this the right format?")
    case nil: return nil
    }
  }

  private func passOverLine(beginning bytes: [UInt8]) throws(CorpusError) -> Piece {
    let piece = Piece.longLine(line, Array(bytes.prefix(Self.keptOfLongLine)))
    rest = []
    offset += bytes.count
    while !isEnded {
      var more: [UInt8] = []
      try fill(&more)
      let end = more.firstIndex(of: 0x0A).map { $0 + 1 }
      offset += end ?? more.count
      guard let end else { continue }
      line += 1
      rest = Array(more[end...])
      break
    }
    return piece
  }

  /// The first record of a file, without its line break; empty for an empty file.
  static func firstRecord(path: String, _ ends: RecordEnds) throws(CorpusError) -> String {
    var first: String?
    try RecordReader(path: path, ends).next()?.forEachRecord { _, record in
      if first == nil { first = String(decoding: record, as: UTF8.self) }
    }
    return first ?? ""
  }

  /// How much of the file itself, packed or not, has been read.
  var filePosition: Int { Int(lseek(file.fileDescriptor, 0, SEEK_CUR)) }

  private func pass(over count: Int) throws(CorpusError) {
    var left = count
    while left > 0, !isEnded {
      var bytes: [UInt8] = []
      try fill(&bytes, limit: min(left, Self.chunk))
      left -= bytes.count
    }
  }

  /// Appends up to `limit` bytes, as many as there are; at the end of the file sets `isEnded`.
  private func fill(_ bytes: inout [UInt8], limit: Int = RecordReader.chunk) throws(CorpusError) {
    let start = bytes.count
    var (total, number) = (0, Int32(0))
    let more = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      while total < limit {
        let got = read(unpacked.fileDescriptor, buffer.baseAddress! + total, limit - total)
        if got < 0, errno == EINTR { continue }
        if got < 0 { number = errno }
        guard got > 0 else { break }
        total += got
      }
      count = total
    }
    guard number == 0 else {
      throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(number)))")
    }
    if start == 0 { bytes = more } else { bytes += more }
    guard total < limit else { return }
    isEnded = true
    guard let process else { return }
    process.waitUntilExit()
    // env(1) found no such program.
    if process.terminationStatus == 127, let program = Self.decompressor(path) {
      throw CorpusError(.manifest, "\(path): \(program) cannot be started; install it")
    }
    guard process.terminationStatus == 0 else {
      throw CorpusError(.manifest, "\(path): cannot be decompressed; it is damaged or cut after line \(line)")
    }
  }
}
