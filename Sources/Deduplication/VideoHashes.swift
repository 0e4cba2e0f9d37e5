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

  /// The frames of a target that a video to train on has, too, if all have hashes.
  var corpusFrames: StrideTo<Int> {
    stride(from: max(0, min(HashRole.density / 2, seconds.count - 1)), to: seconds.count, by: HashRole.density)
  }

  /// The first region of these: what a video to train on would have.
  package var thinned: VideoHashes {
    VideoHashes(regions: 1, seconds: corpusFrames.map { seconds[$0] }, hashes: corpusFrames.map { self[$0, 0] })
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
  package static let density = Int(target.rate / corpus.rate)
}
