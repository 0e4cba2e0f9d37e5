internal import Foundation
internal import Glibc

/// Reads a file of metadata in blocks of whole records, decompressed as it goes: memory is bounded by the longest record.
final class RecordReader {
  /// A record that is longer is no metadata.
  static let longestRecord = 16 << 20
  static let chunk = 2 << 20

  private let path: String
  private let quotes: Bool
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
  ///   - quotes: whether line breaks in quotes belong to a record, as in CSV.
  ///   - offset: where to begin, in bytes of what is decompressed: the end of a block.
  ///   - line: the line there.
  /// - Throws: `manifest` for a file that cannot be read.
  init(path: String, quotes: Bool, from offset: Int = 0, line: Int = 1) throws(CorpusError) {
    (self.path, self.quotes, self.offset, self.line) = (path, quotes, offset, line)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    let programs = ["gz": "gzip", "zst": "zstd", "lz4": "lz4"]
    guard let program = programs[(path as NSString).pathExtension.lowercased()] else {
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

  deinit {
    if let process, process.isRunning { process.terminate() }
  }

  /// The next records, at least one.
  ///
  /// - Returns: nil at the end of the file.
  /// - Throws: `manifest` for what cannot be read or decompressed, and for a record above 16 MiB.
  func next() throws(CorpusError) -> RecordBlock? {
    var bytes = rest
    bytes.reserveCapacity(rest.count + Self.chunk)
    var end = 0
    repeat {
      guard bytes.count <= Self.longestRecord else {
        throw CorpusError(.manifest, "\(path):\(line): a record of more than 16 MiB; is this the right format?")
      }
      try fill(&bytes)
      end = isEnded ? bytes.count : bytes.withUnsafeBufferPointer { RecordBlock.lastEnd(in: $0, quotes: quotes) }
    } while end == 0 && !isEnded
    guard end > 0 else { return nil }
    rest = Array(bytes[end...])
    bytes.removeLast(bytes.count - end)
    let block = RecordBlock(bytes: bytes, firstLine: line)
    for byte in bytes where byte == 0x0A { line &+= 1 }
    offset += end
    return block
  }

  /// The first record of a file, without its line break; empty for an empty file.
  static func firstRecord(path: String, quotes: Bool) throws(CorpusError) -> String {
    var first: String?
    try RecordReader(path: path, quotes: quotes).next()?.forEachRecord(quotes: quotes) { _, record in
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
    guard process.terminationStatus == 0 else {
      throw CorpusError(.manifest, "\(path): cannot be decompressed; it is damaged or cut after line \(line)")
    }
  }
}
