package import Files
internal import Foundation
internal import Glibc

/// A record of an `ExternalSort`: two keys, and bytes that break their ties. Good until the sort goes on.
package struct SortedRecord {
  /// Bytes of a record before its payload: 4 of its length, 8 of each key, little-endian.
  static let headerCount = 20

  let start: UnsafeRawPointer

  /// Bytes of the whole record.
  var byteCount: Int { Int(start.loadUnaligned(as: UInt32.self)) }
  package var first: UInt64 { start.loadUnaligned(fromByteOffset: 4, as: UInt64.self) }
  package var second: UInt64 { start.loadUnaligned(fromByteOffset: 12, as: UInt64.self) }
  package var payload: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: start + Self.headerCount, count: byteCount - Self.headerCount)
  }

  /// All of it.
  var bytes: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: byteCount)
  }

  /// Appends a record to bytes of records.
  package static func append(
    _ first: UInt64, _ second: UInt64, to bytes: inout [UInt8], payload: (inout [UInt8]) -> Void = { _ in }
  ) {
    let start = bytes.count
    withUnsafeBytes(of: UInt32(0)) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: first.littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: second.littleEndian) { bytes.append(contentsOf: $0) }
    payload(&bytes)
    let count = UInt32(bytes.count - start)
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: count.littleEndian, toByteOffset: start, as: UInt32.self) }
  }

  static func < (left: Self, right: Self) -> Bool {
    if left.first != right.first { return left.first < right.first }
    if left.second != right.second { return left.second < right.second }
    let (own, other) = (left.payload, right.payload)
    let order = memcmp(own.baseAddress!, other.baseAddress!, min(own.count, other.count))
    return order == 0 ? own.count < other.count : order < 0
  }
}

/// Sorts more records than memory should hold: sorted runs go to files, and are merged when they are read.
package struct ExternalSort {
  private let path: String
  /// Runs that are read at once: each has a descriptor and 256 KiB.
  private let mergedRuns: Int
  /// Files written.
  package private(set) var runCount: Int
  private var buffer: [UInt8] = []

  /// Bytes of the records that are in no file yet.
  package var bufferedCount: Int { buffer.count }

  /// - Parameters:
  ///   - path: the runs' names without their numbers.
  ///   - runCount: runs that are there.
  ///   - mergedRuns: how many are read at once, at least 2; of more, some are merged to files of their own first.
  package init(path: String, runCount: Int = 0, mergedRuns: Int = 256) {
    (self.path, self.runCount, self.mergedRuns) = (path, runCount, mergedRuns)
  }

  /// Adds records end to end, as `SortedRecord.append` makes them.
  package mutating func append(_ records: [UInt8]) { buffer.append(contentsOf: records) }

  /// Adds one record.
  mutating func append(_ first: UInt64, _ second: UInt64, payload: (inout [UInt8]) -> Void) {
    SortedRecord.append(first, second, to: &buffer, payload: payload)
  }

  /// Sorts what is buffered and writes it to a run of its own.
  package mutating func spill() throws(FileError) {
    guard !buffer.isEmpty else { return }
    try Self.write(buffer, to: name(runCount))
    runCount += 1
    buffer.removeAll(keepingCapacity: true)
  }

  /// Hands all records of the runs to `body` in order. The runs stay as they are.
  package func forEach(_ body: (SortedRecord) throws -> Void) throws {
    let records = try sorted()
    while let record = try records.next() { try body(record) }
  }

  /// All records of the runs in order. The runs stay as they are.
  func sorted() throws -> SortedRecords {
    var paths = (0..<runCount).map(name)
    var merged: [String] = []
    // What is open can be read on.
    defer { for path in merged { unlink(path) } }
    while paths.count > mergedRuns {
      let path = "\(path)-merged-\(merged.count)"
      merged.append(path)
      let output = try LineWriter(path: path)
      let records = try SortedRecords(paths.prefix(mergedRuns))
      while let record = try records.next() { output.append(record.bytes) }
      try output.finish()
      paths = paths.dropFirst(mergedRuns) + [path]
    }
    return try SortedRecords(paths[...])
  }

  private func name(_ run: Int) -> String { "\(path)-\(run)" }

  private struct Key {
    let first: UInt64
    let second: UInt64
    let start: UnsafeRawPointer
  }

  private static func write(_ records: [UInt8], to path: String) throws(FileError) {
    let piece = 1 << 20
    try records.withUnsafeBufferPointer { (records) throws(FileError) in
      let sorted = sorted(UnsafeRawBufferPointer(records))
      try OutputFile.replace(path) { (file) throws(FileError) in
        var bytes: [UInt8] = []
        bytes.reserveCapacity(2 * piece)
        for (index, key) in sorted.enumerated() {
          let count = SortedRecord(start: key.start).byteCount
          bytes.append(contentsOf: UnsafeRawBufferPointer(start: key.start, count: count))
          guard bytes.count >= piece || index == sorted.count - 1 else { continue }
          try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
            try file.append(UnsafeRawBufferPointer(bytes))
          }
          bytes.removeAll(keepingCapacity: true)
        }
      }
    }
  }

  private static func sorted(_ records: UnsafeRawBufferPointer) -> [Key] {
    var keys: [Key] = []
    var offset = 0
    while offset < records.count {
      let record = SortedRecord(start: records.baseAddress! + offset)
      keys.append(Key(first: record.first, second: record.second, start: record.start))
      offset += record.byteCount
    }
    keys.sort { left, right in
      if left.first != right.first { return left.first < right.first }
      if left.second != right.second { return left.second < right.second }
      return SortedRecord(start: left.start) < SortedRecord(start: right.start)
    }
    return keys
  }
}

/// Reads the records of several runs in order.
final class SortedRecords {
  /// Those that have a record; the last is the one whose record is next.
  private var runs: [RunReader]
  /// That of the record handed out last.
  private var current: RunReader?

  fileprivate init(_ paths: ArraySlice<String>) throws(FileError) {
    runs = []
    for path in paths {
      let run = try RunReader(path: path)
      if run.record != nil { runs.append(run) }
    }
    runs.sort { $1.record! < $0.record! }
  }

  /// - Returns: a record that is good until the next call; nil at the end.
  func next() throws(FileError) -> SortedRecord? {
    if let run = current, try run.advance(), let record = run.record {
      var (low, high) = (0, runs.count)
      while low < high {
        let middle = (low + high) / 2
        if record < runs[middle].record! { low = middle + 1 } else { high = middle }
      }
      runs.insert(run, at: low)
    }
    current = runs.popLast()
    return current?.record
  }
}

/// Reads one run record by record.
private final class RunReader {
  private static let chunk = 256 << 10

  private let path: String
  private let descriptor: Int32
  private var buffer: UnsafeMutableRawBufferPointer
  private var place = 0
  private var end = 0
  /// Nil at the end of the run.
  private(set) var record: SortedRecord?

  init(path: String) throws(FileError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("read", path, number: errno) }
    buffer = .allocate(byteCount: Self.chunk, alignment: 16)
    try find()
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  /// - Returns: whether there is another record.
  func advance() throws(FileError) -> Bool {
    if let record { place += record.byteCount }
    try find()
    return record != nil
  }

  /// Sets `record` to the one at `place`.
  private func find() throws(FileError) {
    record = nil
    if end - place < SortedRecord.headerCount { try fill(atLeast: SortedRecord.headerCount) }
    guard end > place else { return }
    let count = SortedRecord(start: UnsafeRawPointer(buffer.baseAddress! + place)).byteCount
    if end - place < count { try fill(atLeast: count) }
    guard end - place >= count, count >= SortedRecord.headerCount else {
      throw FileError("read the whole of", path, number: EIO)
    }
    record = SortedRecord(start: UnsafeRawPointer(buffer.baseAddress! + place))
  }

  private func fill(atLeast wanted: Int) throws(FileError) {
    if buffer.count < wanted {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * wanted, alignment: 16)
      larger.baseAddress!.copyMemory(from: buffer.baseAddress! + place, byteCount: end - place)
      buffer.deallocate()
      buffer = larger
    } else {
      memmove(buffer.baseAddress!, buffer.baseAddress! + place, end - place)
    }
    (place, end) = (0, end - place)
    while end < wanted {
      let got = read(descriptor, buffer.baseAddress! + end, buffer.count - end)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw FileError("read", path, number: errno) }
      guard got > 0 else { return }
      end += got
    }
  }
}
