package import Files
internal import Foundation
internal import Wire

/// Hashes on their way into a `HashFile`: a file that only grows, with a record for each video in the order of the index, so that hashing goes
/// on where it was, however its process ended.
///
/// Little-endian: a header that says what is hashed; for each video twice the number of its bytes, plus 1 if it could not be decoded (UInt64),
/// XXH3 of the bytes, seeded with twice the video's number, plus that 1 (UInt64), and the bytes: its frames as a `HashFile` has them, or the
/// reason in UTF-8.
package struct HashJournal {
  /// What became of a video.
  package enum Entry: Sendable {
    case hashes(VideoHashes)
    case failure(String)
  }

  /// What the file has of a video, valid until the call ends that it is given to.
  package struct Record {
    package let isFailure: Bool
    package let bytes: UnsafeRawBufferPointer

    /// Of a video that could not be decoded, whatever the reason.
    static var failed: Record { Record(isFailure: true, bytes: UnsafeRawBufferPointer(start: nil, count: 0)) }

    /// As the record of the video of this number.
    func checksum(_ video: Int) -> UInt64 { XXH3.hash(bytes, seed: HashJournal.seed(video, isFailure ? 1 : 0)) }
  }

  private static let recordHeaderBytes = 16

  package let path: String
  /// Videos that have a record.
  package private(set) var count: Int
  private let headerBytes: Int
  private let frameBytes: Int
  private let videoCount: Int

  /// Opens a file or begins it. What is cut or damaged, and all that follows it, is taken away and told.
  ///
  /// - Parameters:
  ///   - header: a file with another one is begun again.
  ///   - frameBytes: bytes of a frame's hashes.
  ///   - videoCount: of all videos.
  ///   - warn: gets the path and what was wrong with it.
  package init(
    path: String, header: [UInt8], frameBytes: Int, videoCount: Int, warn: (_ path: String, _ reason: String) -> Void
  ) throws(FileError) {
    (self.path, headerBytes, self.frameBytes, self.videoCount) = (path, header.count, frameBytes, videoCount)
    count = 0
    let data = Self.mapped(path) ?? Data()
    guard data.starts(with: header) else {
      if !data.isEmpty { warn(path, "of another index, or damaged: begun again") }
      try OutputFile.write(header, to: path)
      return
    }
    let (whole, end) = forEachWhole(in: data) { _ in }
    count = whole
    guard end < data.count else { return }
    warn(path, "cut or damaged after \(whole) of \(videoCount) videos: the others are hashed again")
    guard truncate(path, off_t(end)) == 0 else { throw FileError("write", path, number: errno) }
  }

  /// Adds the next video: all of it or, on an error, nothing.
  package mutating func append(_ entry: Entry) throws(FileError) {
    let bytes: [UInt8]
    let kind: UInt64
    switch entry {
    case .hashes(let hashes): (bytes, kind) = (HashFile.bytes(of: hashes), 0)
    case .failure(let reason): (bytes, kind) = (Array(reason.utf8), 1)
    }
    var record: [UInt8] = []
    record.reserveCapacity(Self.recordHeaderBytes + bytes.count)
    withUnsafeBytes(of: 2 * UInt64(bytes.count) + kind) { record.append(contentsOf: $0) }
    withUnsafeBytes(of: XXH3.hash(bytes, seed: Self.seed(count, kind))) { record.append(contentsOf: $0) }
    record += bytes
    try OutputFile.append(record, to: path)
    count += 1
  }

  /// Hands all records to `body` in order.
  ///
  /// - Throws: `hashes` if the file is not as it was written.
  package func forEach(_ body: (Record) throws -> Void) throws {
    guard let data = Self.mapped(path), try forEachWhole(in: data, body).count == count else {
      throw DeduplicationError(.hashes, "\(path): changed while it was in use; give the command again")
    }
  }

  /// - Returns: number and end of the records at the beginning of the file that are whole.
  private func forEachWhole(
    in data: Data, _ body: (Record) throws -> Void
  ) rethrows -> (count: Int, end: Int) {
    try data.withUnsafeBytes { file in
      var (number, place) = (0, headerBytes)
      while number < videoCount, file.count - place >= Self.recordHeaderBytes {
        let start = place + Self.recordHeaderBytes
        let first = file.loadUnaligned(fromByteOffset: place, as: UInt64.self)
        let (byteCount, kind) = (Int(first / 2), first % 2)
        guard byteCount <= file.count - start, kind == 1 || byteCount.isMultiple(of: frameBytes) else { break }
        let bytes = UnsafeRawBufferPointer(rebasing: file[start..<start + byteCount])
        guard
          XXH3.hash(bytes, seed: Self.seed(number, kind))
            == file.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self)
        else { break }
        try body(Record(isFailure: kind == 1, bytes: bytes))
        number += 1
        place = start + byteCount
      }
      return (number, place)
    }
  }

  private static func seed(_ number: Int, _ kind: UInt64) -> UInt64 { 2 * UInt64(number) + kind }

  private static func mapped(_ path: String) -> Data? {
    try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
  }
}
