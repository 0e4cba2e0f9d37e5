/// Hashes of frames sampled of a video, in the order of time; frames without structure are left out.
package struct VideoHashes: Sendable, Equatable {
  /// Hashes of each frame.
  package let regions: Int
  /// Of each frame, since the start of the video's segment.
  package private(set) var seconds: [Float]
  /// (frames, regions).
  package private(set) var hashes: [FrameHash]

  package init(regions: Int, seconds: [Float] = [], hashes: [FrameHash] = []) {
    precondition(seconds.count * regions == hashes.count)
    (self.regions, self.seconds, self.hashes) = (regions, seconds, hashes)
  }

  package var isEmpty: Bool { seconds.isEmpty }

  mutating func append(seconds: Float, hashes: [FrameHash]) {
    self.seconds.append(seconds)
    self.hashes += hashes
  }

  /// Hash of a frame's region.
  package subscript(frame: Int, region: Int) -> FrameHash { hashes[frame * regions + region] }

  /// The first region of as many frames as a video to train on has: what one would have of these.
  package var thinned: VideoHashes {
    let kept = stride(from: 0, to: seconds.count, by: HashRole.density)
    return VideoHashes(regions: 1, seconds: kept.map { seconds[$0] }, hashes: kept.map { self[$0, 0] })
  }
}

/// How densely a video is hashed.
package enum HashRole: Sendable {
  /// A video to train on: two frames a second, once each.
  case corpus
  /// A target's video: of them there are fewer. Eight frames a second, so that no frame of a copy is farther from one of them than a
  /// sixteenth of a second, in which few things move over more than a cell; each as every crop by a tenth shows it.
  case target

  package var rate: Double { self == .corpus ? 2 : 8 }
  package var regions: [FrameRegion] { self == .corpus ? FrameRegion.whole : FrameRegion.windows }

  /// Frames of a target for each of a video to train on.
  static let density = Int(target.rate / corpus.rate)
}
