/// A hash of a part of a video's frame.
package struct HashedFrame: Sendable, Equatable, BitwiseCopyable {
  /// Since the start of the video's segment.
  package let seconds: Float
  /// Number of the frame among those that were sampled.
  package let sample: UInt32
  package let hash: FrameHash

  package init(seconds: Float, sample: UInt32, hash: FrameHash) {
    (self.seconds, self.sample, self.hash) = (seconds, sample, hash)
  }
}
