package import Corpus
internal import Files
internal import Foundation

/// The hashes of an index' videos, in a file beside it that is mapped, not read.
///
/// Little-endian: "SLHASH03", the index' fingerprint (64 characters), frames sampled of each second (Float64), hashes of each frame (Int64),
/// number of videos (Int64); for each video its id (Int64) and the end of its frames (Int64); of each frame its seconds (Float32), four
/// bytes of nothing, and its hashes, 32 bytes each.
package struct HashFile: Sendable {
  private static let magic = "SLHASH03"
  private static let headerBytes = 8 + 64 + 8 + 8 + 8

  private let data: Data
  private let role: HashRole
  /// Number of videos.
  package let count: Int

  /// What a file of these hashes is called.
  package static func path(_ directory: String, _ role: HashRole) -> String { "\(directory)/hashes-\(role.rate).bin" }

  /// Opens the file of an index; nil if there is none or one of other videos.
  package init?(of corpus: Corpus, _ role: HashRole) {
    let path = Self.path(corpus.directory, role)
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped),
      data.count >= Self.headerBytes, data.prefix(8 + 64).elementsEqual((Self.magic + corpus.fingerprint).utf8)
    else { return nil }
    (self.data, self.role) = (data, role)
    let (rate, regions, videos) = data.withUnsafeBytes { bytes in
      (
        bytes.loadUnaligned(fromByteOffset: 72, as: Double.self),
        bytes.loadUnaligned(fromByteOffset: 80, as: Int64.self), bytes.loadUnaligned(fromByteOffset: 88, as: Int64.self)
      )
    }
    count = Int(videos)
    guard rate == role.rate, regions == role.regions.count, count >= 0,
      count <= data.count / 16, data.count >= Self.headerBytes + 16 * count,
      data.count == Self.headerBytes + 16 * count + Self.frameBytes(role) * end(count - 1),
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

  private static func frameBytes(_ role: HashRole) -> Int { 8 + MemoryLayout<FrameHash>.size * role.regions.count }

  /// Hashes of the video at this place; none if it could not be decoded or has no structure.
  package func hashes(_ video: Int) -> VideoHashes {
    let regions = role.regions.count
    var seconds: [Float] = []
    var hashes: [FrameHash] = []
    data.withUnsafeBytes { bytes in
      for frame in end(video - 1)..<end(video) {
        let at = Self.headerBytes + 16 * count + Self.frameBytes(role) * frame
        seconds.append(bytes.loadUnaligned(fromByteOffset: at, as: Float.self))
        for region in 0..<regions {
          hashes.append(bytes.loadUnaligned(fromByteOffset: at + 8 + 32 * region, as: FrameHash.self))
        }
      }
    }
    return VideoHashes(regions: regions, seconds: seconds, hashes: hashes)
  }

  /// - Parameter videos: ids and hashes.
  static func write(
    _ videos: [(id: Int, hashes: VideoHashes)], of corpus: Corpus, _ role: HashRole
  ) throws(DeduplicationError) {
    var header = Array((magic + corpus.fingerprint).utf8)
    append(role.rate, to: &header)
    append(Int64(role.regions.count), to: &header)
    append(Int64(videos.count), to: &header)
    var end = 0
    for video in videos {
      end += video.hashes.seconds.count
      append(Int64(video.id), to: &header)
      append(Int64(end), to: &header)
    }
    do throws(FileError) {
      try OutputFile.replace(path(corpus.directory, role)) { (file) throws(FileError) in
        try put(header, into: file)
        for video in videos { try put(bytes(of: video.hashes), into: file) }
      }
    } catch {
      throw DeduplicationError(.hashes, error.description)
    }
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

  private static func put(_ bytes: [UInt8], into file: OutputFile) throws(FileError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try file.append(UnsafeRawBufferPointer(bytes))
    }
  }
}
