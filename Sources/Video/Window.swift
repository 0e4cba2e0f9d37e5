/// The frames of a clip: T frames, S apart.
package struct Window {
  /// Frame numbers `start + i·stride` for i in 0..<`count`; a video that ends before the window does starts again from
  /// its first frame.
  ///
  /// - Parameter frameCount: frames of the video, at least 1.
  package static func indices(start: Int, count: Int, stride: Int, frameCount: Int) -> [Int] {
    precondition(frameCount > 0 && count >= 0 && start >= 0 && stride >= 0, "not a window")
    return (0..<count).map { i in (start + i * stride) % frameCount }
  }
}

/// First frames of K clips spread evenly over a video, as for testing (paper §2): floor(i·(F−R)/(K−1)) with
/// R = (T−1)·S+1; one clip, or a video shorter than a clip, starts at 0.
package func uniformClipStarts(clips: Int, frames: Int, stride: Int, frameCount: Int) -> [Int] {
  let span = (frames - 1) * stride + 1
  guard clips > 1, frameCount > span else { return Array(repeating: 0, count: max(clips, 0)) }
  return (0..<clips).map { i in i * (frameCount - span) / (clips - 1) }
}
