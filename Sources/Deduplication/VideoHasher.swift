internal import Tensors
package import Video

/// Hashes of a video's frames.
package enum VideoHasher {
  /// The size that frames are scaled to before they are hashed.
  private static let size = (height: 96, width: 128)
  /// Frames of one call to the decoder.
  private static let batch = 64

  /// Samples the frames of a segment evenly and hashes their regions.
  ///
  /// - Parameters:
  ///   - frames: of the segment, not empty.
  ///   - role: says how many frames to sample of each second, at least two or all there are, and what to hash of them.
  package static func hashes(
    path: String, indexed: IndexedVideo?, frames: Range<Int>, framesPerSecond: Double, role: HashRole
  ) throws(VideoError) -> VideoHashes {
    let decoder = try VideoDecoder(path: path, indexed: indexed)
    let fps = framesPerSecond > 0 ? framesPerSecond : 25
    let wanted = max(2, Int((Double(frames.count) / fps * role.rate).rounded()))
    let count = min(wanted, frames.count)
    let samples = (0..<count).map { frames.lowerBound + (2 * $0 + 1) * frames.count / (2 * count) }
    var hashes = VideoHashes(regions: role.regions.count)
    for first in stride(from: 0, to: count, by: batch) {
      let places = first..<min(first + batch, count)
      let tensor = try decoder.frames(
        at: Array(samples[places]), size: .exact(height: size.height, width: size.width), format: .yuv420p)
      for place in places {
        // The luma comes first.
        let luma = UnsafeRawBufferPointer(rebasing: tensor.frame(place - first)[..<(size.height * size.width)])
        let sums = FrameSums(luma, height: size.height, width: size.width)
        guard sums.hasStructure else { continue }
        hashes.append(
          seconds: Float(Double(samples[place] - frames.lowerBound) / fps), hashes: role.regions.map(sums.hash))
      }
    }
    return hashes
  }

  /// Of a whole file that is in no index.
  package static func hashes(path: String, role: HashRole) throws(VideoError) -> VideoHashes {
    let info = try VideoProbe.probe(path: path)
    return try hashes(
      path: path, indexed: nil, frames: 0..<info.frameCount, framesPerSecond: info.framesPerSecond, role: role)
  }
}
