package import Corpus
internal import Files
internal import Foundation

/// The hashes of an index' videos, in a file beside it that is mapped, not read.
///
/// Little-endian: "SLHASH01", the index' fingerprint (64 characters), frames sampled of each second (Float64), number of videos
/// (Int64); for each video its id (Int64) and the end of its hashes (Int64); the hashes, 40 bytes each.
package struct HashFile: Sendable {
  private static let magic = "SLHASH01"
  private static let headerBytes = 8 + 64 + 8 + 8
  private static let frameBytes = 40

  private let data: Data
  /// Number of videos.
  package let count: Int

  /// What a file of these hashes is called.
  package static func path(_ directory: String, rate: Double) -> String { "\(directory)/hashes-\(rate).bin" }

  /// Opens the file of an index; nil if there is none or one of other videos.
  package init?(of corpus: Corpus, rate: Double) {
    let path = Self.path(corpus.directory, rate: rate)
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped),
      data.count >= Self.headerBytes, data.prefix(8 + 64).elementsEqual((Self.magic + corpus.fingerprint).utf8)
    else { return nil }
    self.data = data
    count = data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 80, as: Int64.self)) }
    guard data.withUnsafeBytes({ $0.loadUnaligned(fromByteOffset: 72, as: Double.self) }) == rate, count >= 0,
      count <= data.count / 16, data.count >= Self.headerBytes + 16 * count,
      data.count == Self.headerBytes + 16 * count + Self.frameBytes * end(count - 1),
      (0..<count).allSatisfy({ end($0 - 1) <= end($0) })
    else { return nil }
  }

  private func end(_ video: Int) -> Int {
    guard video >= 0 else { return 0 }
    return data.withUnsafeBytes { bytes in
      Int(bytes.loadUnaligned(fromByteOffset: Self.headerBytes + 16 * video + 8, as: Int64.self))
    }
  }

  /// Row of the index.
  package func id(_ video: Int) -> Int {
    data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: Self.headerBytes + 16 * video, as: Int64.self)) }
  }

  /// Hashes of the video at this place, in the order of time; none if it could not be decoded or has no structure.
  package func frames(_ video: Int) -> [HashedFrame] {
    data.withUnsafeBytes { bytes in
      (end(video - 1)..<end(video)).map { frame in
        let at = Self.headerBytes + 16 * count + Self.frameBytes * frame
        func word(_ number: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: at + 8 * number, as: UInt64.self) }
        return HashedFrame(
          seconds: bytes.loadUnaligned(fromByteOffset: at, as: Float.self),
          sample: bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self),
          hash: FrameHash(word(1), word(2), word(3), word(4)))
      }
    }
  }

  /// - Parameter videos: ids and hashes.
  static func write(
    _ videos: [(id: Int, frames: [HashedFrame])], of corpus: Corpus, rate: Double
  ) throws(DeduplicationError) {
    var header = Array((magic + corpus.fingerprint).utf8)
    func append<Value: BitwiseCopyable>(_ value: Value, to bytes: inout [UInt8]) {
      withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    }
    append(rate, to: &header)
    append(Int64(videos.count), to: &header)
    var end = 0
    for video in videos {
      end += video.frames.count
      append(Int64(video.id), to: &header)
      append(Int64(end), to: &header)
    }
    do throws(FileError) {
      try OutputFile.replace(path(corpus.directory, rate: rate)) { (file) throws(FileError) in
        try put(header, into: file)
        for video in videos { try put(video.frames, into: file) }
      }
    } catch {
      throw DeduplicationError(.hashes, error.description)
    }
  }

  private static func put(_ values: [some BitwiseCopyable], into file: OutputFile) throws(FileError) {
    try values.withUnsafeBufferPointer { (values) throws(FileError) in
      try file.append(UnsafeRawBufferPointer(values))
    }
  }
}
