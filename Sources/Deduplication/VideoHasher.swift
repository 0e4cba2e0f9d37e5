internal import Tensors
package import Video

/// Hashes of a video's frames.
package enum VideoHasher {
  /// The size that frames are scaled to before they are hashed.
  private static let size = (height: 96, width: 128)
  /// Frames of one call to the decoder; more where each call begins at the file's start.
  private static let batch = (indexed: 64, linear: 4096)

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
    let samples = samples(of: frames, framesPerSecond: fps, role: role)
    var hashes = VideoHashes(regions: role.regions.count)
    let batch = decoder.isLinear ? batch.linear : batch.indexed
    for first in stride(from: 0, to: samples.count, by: batch) {
      let places = first..<min(first + batch, samples.count)
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

  /// Which frames are hashed: those in the middle of equal parts of a video to train on, and these and those between them of a target,
  /// so that a frame of a copy with the same beginning and end is laid beside the very frame it was made of.
  private static func samples(of frames: Range<Int>, framesPerSecond: Double, role: HashRole) -> [Int] {
    let parts = max(2, Int((Double(frames.count) / framesPerSecond * HashRole.corpus.rate).rounded()))
    let (count, shift) = role == .corpus ? (parts, 1) : (parts * HashRole.density, 0)
    guard count < frames.count else { return Array(frames) }
    return (0..<count).map { frames.lowerBound + (2 * $0 + shift) * frames.count / (2 * count) }
  }

  /// Of a whole file that is in no index.
  package static func hashes(path: String, role: HashRole) throws(VideoError) -> VideoHashes {
    let info = try VideoProbe.probe(path: path)
    return try hashes(
      path: path, indexed: nil, frames: 0..<info.frameCount, framesPerSecond: info.framesPerSecond, role: role)
  }
}
