internal import Files
internal import Glibc
internal import Tensors
internal import Video

/// Pictures of pairs, for a person to judge.
package enum PairSheet {
  private static let size = FrameSize.exact(height: 96, width: 128)
  private static let offsets: [Double] = [-0.5, 0, 0.5]

  /// Writes a PNG with a row a pair: three frames of the video, half a second apart, and three of the target's. The pairs are those
  /// whose distances are nearest to `distance`, by rising distance. Without a pair there is no sheet: one of an earlier search goes.
  ///
  /// - Returns: whether there is one.
  /// - Throws: `hashes` for a file that cannot be written. What cannot be decoded is left black.
  package static func write(
    _ pairs: [Deduplicator.Pair], nearestTo distance: Double, count: Int, to path: String
  ) throws -> Bool {
    let chosen = pairs.sorted { (abs($0.distance - distance), $0.id) < (abs($1.distance - distance), $1.id) }
      .prefix(count).sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }
    guard !chosen.isEmpty else {
      unlink(path)
      return false
    }
    let sheet = ContactSheet.compose(clips: chosen.map(row))
    let png = try PNG.encode(rgb: UnsafeRawBufferPointer(sheet.rgb.bytes), width: sheet.width, height: sheet.height)
    do throws(FileError) { try OutputFile.replace(path, with: png) } catch {
      throw DeduplicationError(.hashes, error.description)
    }
    return true
  }

  private static func row(_ pair: Deduplicator.Pair) -> FrameTensor {
    let row = FrameTensor(frames: 2 * offsets.count, height: 96, width: 128, format: .rgb24)
    row.buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    for (side, (path, seconds)) in [(pair.path, pair.seconds), (pair.targetPath, pair.targetSeconds)].enumerated() {
      guard let decoder = try? VideoDecoder(path: path) else { continue }
      let frames = offsets.map { decoder.frameIndex(atSeconds: Double(seconds) + $0) }
      guard let clip = try? decoder.frames(at: frames, size: size) else { continue }
      let bytes = clip.buffer.bytes
      UnsafeMutableRawBufferPointer(rebasing: row.buffer.bytes[(side * bytes.count)...])
        .copyMemory(from: UnsafeRawBufferPointer(bytes))
    }
    return row
  }
}
