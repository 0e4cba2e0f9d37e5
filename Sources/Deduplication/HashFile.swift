package import Corpus
internal import Files
internal import Foundation

/// The hashes of an index' videos, in a file beside it that is mapped, not read.
///
/// Little-endian: "SLHASH04", the index' fingerprint (64 characters), frames sampled of each second (Float64), hashes of each frame (Int64),
/// number of videos (Int64); for each video its id (Int64), the end of its frames (Int64) and the checksum of its record in the
/// `HashJournal` (UInt64); of each frame its seconds (Float32), four bytes of nothing, and its hashes, 32 bytes each.
package struct HashFile: Sendable {
  private static let magic = "SLHASH04"
  private static let headerBytes = 8 + 64 + 8 + 8 + 8
  private static let entryBytes = 24

  private let data: Data
  private let role: HashRole
  package let path: String
  /// Number of videos.
  package let count: Int

  /// What a file of these hashes is called.
  package static func path(_ directory: String, _ role: HashRole) -> String { "\(directory)/hashes-\(role.rate).bin" }

  /// What the list of videos is called that could not be decoded: a JSON object a line, with file and reason.
  package static func failuresPath(_ directory: String, _ role: HashRole) -> String {
    "\(directory)/hashes-\(role.rate).failed.jsonl"
  }

  /// Opens the file of an index; nil if there is none, or one of another index or a damaged one.
  package init?(of corpus: Corpus, _ role: HashRole) {
    path = Self.path(corpus.directory, role)
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped),
      data.count >= Self.headerBytes
    else { return nil }
    (self.data, self.role) = (data, role)
    count = data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 88, as: Int64.self)) }
    guard data.starts(with: Self.header(Self.magic, of: corpus, role, count: count)), isWhole(of: corpus) else {
      return nil
    }
  }

  /// Whether the videos are those of the index, and every byte as it was written.
  private func isWhole(of corpus: Corpus) -> Bool {
    let rows = corpus.rows(splits: role.splits)
    guard count == rows.reduce(0, { $0 + $1.count }), data.count >= framesStart else { return false }
    let (frames, rest) = (data.count - framesStart).quotientAndRemainder(dividingBy: Self.frameBytes(role))
    var (number, start) = (0, 0)
    for row in rows.joined() {
      guard id(number) == row, (start...frames).contains(end(number)) else { return false }
      let isSame = data.withUnsafeBytes { bytes in
        let record = HashJournal.Record(
          isFailure: false, bytes: UnsafeRawBufferPointer(rebasing: bytes[place(start)..<place(end(number))]))
        return checksum(number) == record.checksum(number)
      }
      guard isSame || isFailure(number) else { return false }
      (number, start) = (number + 1, end(number))
    }
    return start == frames && rest == 0
  }

  private var framesStart: Int { Self.headerBytes + Self.entryBytes * count }

  /// Where a frame begins, or ends the one before it.
  private func place(_ frame: Int) -> Int { framesStart + Self.frameBytes(role) * frame }

  private func number<Value: FixedWidthInteger & BitwiseCopyable>(_ video: Int, _ offset: Int, as type: Value.Type)
    -> Value
  {
    data.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: Self.headerBytes + Self.entryBytes * video + offset, as: type)
    }
  }

  private func end(_ video: Int) -> Int { video < 0 ? 0 : Int(number(video, 8, as: Int64.self)) }
  private func checksum(_ video: Int) -> UInt64 { number(video, 16, as: UInt64.self) }

  /// Whether the video at this place could not be decoded.
  package func isFailure(_ video: Int) -> Bool {
    frameCount(video) == 0 && checksum(video) == HashJournal.Record.failed.checksum(video)
  }

  /// Number of videos that could not be decoded.
  package var failureCount: Int { (0..<count).count(where: isFailure) }

  /// Row of the index.
  package func id(_ video: Int) -> Int { Int(number(video, 0, as: Int64.self)) }

  /// Bytes of a frame.
  static func frameBytes(_ role: HashRole) -> Int { 8 + MemoryLayout<FrameHash>.size * role.regions.count }

  /// Number of the video's frames that have hashes: none if it could not be decoded or has no structure.
  package func frameCount(_ video: Int) -> Int { end(video) - end(video - 1) }

  /// Number of hashes of all videos.
  package var hashCount: Int { end(count - 1) * role.regions.count }

  /// Hashes of the video at this place.
  package func hashes(_ video: Int) -> VideoHashes {
    let regions = role.regions.count
    var seconds: [Float] = []
    var hashes: [FrameHash] = []
    data.withUnsafeBytes { bytes in
      for frame in end(video - 1)..<end(video) {
        let at = place(frame)
        seconds.append(bytes.loadUnaligned(fromByteOffset: at, as: Float.self))
        for region in 0..<regions {
          hashes.append(bytes.loadUnaligned(fromByteOffset: at + 8 + 32 * region, as: FrameHash.self))
        }
      }
    }
    return VideoHashes(regions: regions, seconds: seconds, hashes: hashes)
  }
}

extension HashFile {
  /// The journal of an index whose videos are being hashed.
  static func journal(
    of corpus: Corpus, _ role: HashRole, warn: (_ path: String, _ reason: String) -> Void
  ) throws(FileError) -> HashJournal {
    let count = corpus.rows(splits: role.splits).reduce(0) { $0 + $1.count }
    return try HashJournal(
      path: journalPath(corpus.directory, role), header: header("SLHASHJ2", of: corpus, role, count: count),
      frameBytes: frameBytes(role), videoCount: count, warn: warn)
  }

  static func journalPath(_ directory: String, _ role: HashRole) -> String { "\(path(directory, role)).partial" }

  /// Writes the file of an index, and the list of what could not be decoded if there is any.
  ///
  /// - Parameter journal: has all the videos.
  static func write(_ journal: HashJournal, of corpus: Corpus, _ role: HashRole) throws {
    try writeFailures(journal, of: corpus, role)
    var file = try PieceWriter(path: path(corpus.directory, role))
    try file.append(header(magic, of: corpus, role, count: journal.count))
    var rows = corpus.rows(splits: role.splits).joined().makeIterator()
    var (number, end) = (0, 0)
    try journal.forEach { record in
      if !record.isFailure { end += record.bytes.count / frameBytes(role) }
      var entry: [UInt8] = []
      append(Int64(rows.next() ?? -1), to: &entry)
      append(Int64(end), to: &entry)
      append((record.isFailure ? .failed : record).checksum(number), to: &entry)
      number += 1
      try file.append(entry)
    }
    try journal.forEach { if !$0.isFailure { try file.append($0.bytes) } }
    try file.finish()
  }

  private static func writeFailures(_ journal: HashJournal, of corpus: Corpus, _ role: HashRole) throws {
    let path = failuresPath(corpus.directory, role)
    unlink(path)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var rows = corpus.rows(splits: role.splits).joined().makeIterator()
    var file: PieceWriter?
    try journal.forEach { record in
      guard let row = rows.next(), record.isFailure else { return }
      let line = ["file": try corpus.video(row: row).file, "reason": String(decoding: record.bytes, as: UTF8.self)]
      if file == nil { file = try PieceWriter(path: path) }
      try file?.append(Array(try encoder.encode(line)) + [UInt8(ascii: "\n")])
    }
    try file?.finish()
  }

  private static func header(_ magic: String, of corpus: Corpus, _ role: HashRole, count: Int) -> [UInt8] {
    var header = Array((magic + corpus.fingerprint).utf8)
    append(role.rate, to: &header)
    append(Int64(role.regions.count), to: &header)
    append(Int64(count), to: &header)
    return header
  }

  /// A video's frames as they are in a file.
  static func bytes(of video: VideoHashes) -> [UInt8] {
    var bytes: [UInt8] = []
    for (frame, seconds) in video.seconds.enumerated() {
      append(seconds, to: &bytes)
      append(UInt32(0), to: &bytes)
      for region in 0..<video.regions { append(video[frame, region], to: &bytes) }
    }
    return bytes
  }

  private static func append<Value: BitwiseCopyable>(_ value: Value, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}
