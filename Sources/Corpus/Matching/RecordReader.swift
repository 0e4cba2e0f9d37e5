internal import Foundation
internal import Glibc

/// Reads a file of metadata record by record, decompressed as it goes: memory is bounded by the longest record.
final class RecordReader {
  /// A record that is longer is no metadata.
  static let longestRecord = 16 << 20
  private static let chunk = 1 << 20

  private let path: String
  private let quotes: Bool
  private let descriptor: Int32
  private let process: Process?
  private let keepOpen: FileHandle?
  private var buffer: [UInt8] = []
  private var place = 0
  private var end = 0
  private var isEnded = false
  /// Line of the record last read, from 1.
  private(set) var line = 0
  private var nextLine = 1

  /// - Parameters:
  ///   - path: decompressed by its name: `.gz`, `.zst`, `.lz4`, by the programs gzip, zstd and lz4.
  ///   - quotes: whether line breaks in quotes belong to a record, as in CSV.
  /// - Throws: `manifest` for a file that cannot be read.
  init(path: String, quotes: Bool) throws(CorpusError) {
    self.path = path
    self.quotes = quotes
    let programs = ["gz": "gzip", "zst": "zstd", "lz4": "lz4"]
    guard access(path, R_OK) == 0 else {
      throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    guard let program = programs[(path as NSString).pathExtension.lowercased()] else {
      (process, keepOpen) = (nil, nil)
      descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(errno)))")
      }
      return
    }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program, "-dc", "--", path]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw CorpusError(.manifest, "\(path): \(program) cannot be started; install it", underlying: error)
    }
    self.process = process
    keepOpen = pipe.fileHandleForReading
    descriptor = pipe.fileHandleForReading.fileDescriptor
  }

  deinit {
    guard let process else {
      close(descriptor)
      return
    }
    if process.isRunning { process.terminate() }
  }

  /// Hands the next record, without its line break, to `body`; its bytes are good for the call alone.
  ///
  /// - Returns: false at the end of the file.
  /// - Throws: `manifest` for what cannot be read or decompressed, and for a record above 16 MiB.
  func next(_ body: (UnsafeBufferPointer<UInt8>) -> Void) throws(CorpusError) -> Bool {
    var (scanned, isQuoted) = (0, false)
    line = nextLine
    while true {
      while let found = newline(after: scanned) {
        if quotes { isQuoted = toggled(isQuoted, from: scanned, to: found) }
        nextLine += 1
        scanned = found + 1
        if isQuoted { continue }
        buffer.withUnsafeBufferPointer { body(.init(rebasing: $0[place..<place + found])) }
        place += found + 1
        return true
      }
      if quotes { isQuoted = toggled(isQuoted, from: scanned, to: end - place) }
      scanned = end - place
      guard !isEnded, try fill() else {
        guard end > place else { return false }
        buffer.withUnsafeBufferPointer { body(.init(rebasing: $0[place..<end])) }
        place = end
        return true
      }
    }
  }

  private func newline(after offset: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, end > place + offset else { return nil }
      let found = memchr(base + place + offset, 0x0A, end - place - offset)
      return found.map { UnsafeRawPointer($0) - (base + place) }
    }
  }

  private func toggled(_ isQuoted: Bool, from: Int, to: Int) -> Bool {
    var isQuoted = isQuoted
    for byte in buffer[(place + from)..<(place + to)] where byte == UInt8(ascii: "\"") { isQuoted.toggle() }
    return isQuoted
  }

  /// Reads on behind what is left; false at the end.
  private func fill() throws(CorpusError) -> Bool {
    if place > 0 {
      buffer.withUnsafeMutableBytes { bytes in
        if end > place { memmove(bytes.baseAddress!, bytes.baseAddress! + place, end - place) }
      }
      (place, end) = (0, end - place)
    }
    guard end <= Self.longestRecord else {
      throw CorpusError(.manifest, "\(path):\(line): a record of more than 16 MiB; is this the right format?")
    }
    if buffer.count < end + Self.chunk {
      buffer.append(contentsOf: repeatElement(0, count: end + 2 * Self.chunk - buffer.count))
    }
    var count = 0
    repeat {
      count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + end, Self.chunk) }
    } while count < 0 && errno == EINTR
    guard count >= 0 else {
      throw CorpusError(.manifest, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    end += count
    if count == 0 {
      isEnded = true
      if let process {
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
          throw CorpusError(.manifest, "\(path): cannot be decompressed; it is damaged or cut at line \(nextLine)")
        }
      }
    }
    return count > 0
  }
}
