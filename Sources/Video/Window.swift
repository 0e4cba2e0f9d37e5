/// The frames of a clip: T frames, S apart. S is in frames of the video, and not whole where a clip has a rate of its own.
package struct Window {
  /// Frame numbers `start + floor(i·stride)` for i in 0..<`count`; a video that ends before the window does starts again from
  /// its first frame.
  ///
  /// - Parameter frameCount: frames of the video, at least 1.
  package static func indices(start: Int, count: Int, stride: Double, frameCount: Int) -> [Int] {
    precondition(frameCount > 0 && count >= 0 && start >= 0 && stride >= 0, "not a window")
    return (0..<count).map { i in (start + Int(Double(i) * stride)) % frameCount }
  }
}

/// The stride in frames of a video for a stride in frames of a clip that has a rate of its own.
///
/// - Parameters:
///   - framesPerSecond: the clip's rate; nil takes the video's frames as they are.
///   - native: the video's rate; one that is not known (0) is taken for the clip's.
package func resampled(stride: Int, framesPerSecond: Double?, native: Double) -> Double {
  guard let framesPerSecond, native > 0 else { return Double(stride) }
  return Double(stride) * native / framesPerSecond
}

/// First frames of K clips spread evenly over a video, as for testing (paper §2): floor(i·(F−R)/(K−1)) with
/// R = floor((T−1)·S)+1; one clip, or a video shorter than a clip, starts at 0.
package func uniformClipStarts(clips: Int, frames: Int, stride: Double, frameCount: Int) -> [Int] {
  let span = Int(Double(frames - 1) * stride) + 1
  guard clips > 1, frameCount > span else { return Array(repeating: 0, count: max(clips, 0)) }
  return (0..<clips).map { i in i * (frameCount - span) / (clips - 1) }
}
