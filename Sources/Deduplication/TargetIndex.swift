/// The hashes of the videos that nothing trained on may show, ready to be searched.
package struct TargetIndex: Sendable {
  /// A video of a target that another resembles.
  package struct Match: Sendable, Equatable {
    /// Number of the target's video.
    package let target: Int
    /// Of 256 bits: what three quarters of the frames, or eight, do not exceed; see ``Alignment``.
    package let distance: Int
    package let isMirrored: Bool
    /// Seconds of the frames that are nearest, in the video and in the target's.
    package let seconds: Float
    package let targetSeconds: Float
  }

  /// Targets that are compared with a video frame by frame, as it is and again mirrored.
  private static let candidateCount = 32

  private let videos: [VideoHashes]
  private let index: VoteIndex

  /// - Parameters:
  ///   - videos: hashes of each target's video, as `HashRole.target` has them.
  ///   - workers: threads to index them.
  package init(_ videos: [VideoHashes], workers: Int = 1) {
    self.videos = videos
    index = VoteIndex(targets: videos.count, workers: workers) { target in
      let video = videos[target]
      return video.corpusFrames.flatMap { frame in
        (0..<FrameRegion.searchedCount).map { video[frame, $0] }
      }
    }
  }

  /// Number of hashes.
  package var count: Int { videos.reduce(0) { $0 + $1.hashes.count } }

  /// The targets' videos that have frames like a video's in the same order, the nearest first.
  ///
  /// - Parameter excluded: a target not to find.
  package func matches(_ video: VideoHashes, excluding excluded: Int? = nil) -> [Match] {
    var found: [Int: Match] = [:]
    for isMirrored in [false, true] {
      let hashes = isMirrored ? video.hashes.map(\.mirrored) : video.hashes
      let candidates = index.candidates(of: hashes, count: Self.candidateCount, excluding: excluded)
      for (place, candidate) in candidates.enumerated() {
        if place + 1 < candidates.count { Alignment.prefetch(videos[candidates[place + 1].target]) }
        guard
          let best = Alignment.best(hashes, seconds: video.seconds, target: videos[candidate.target]),
          best.distance < found[candidate.target]?.distance ?? .max
        else { continue }
        found[candidate.target] = Match(
          target: candidate.target, distance: best.distance, isMirrored: isMirrored, seconds: best.seconds,
          targetSeconds: best.targetSeconds)
      }
    }
    return found.values.sorted { ($0.distance, $0.target) < ($1.distance, $1.target) }
  }
}
