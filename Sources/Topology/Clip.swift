extension Topology {
  /// What is cut from a video for one sample.
  package struct Clip: Sendable, Equatable {
    /// Frames of a clip (T).
    package var frames: Int
    /// Distance between two of them in frames: of the video, or at `framesPerSecond` if that is given.
    package var stride: Int
    /// Rate that videos are resampled to in time; nil takes their frames as they are.
    package var framesPerSecond: Double?
    /// Extra frames of a window, at the same stride, from which temporal jitter picks the clip.
    package var slack: Int
    package var resize: Resize
    /// Height and width of the square crop.
    package var crop: Int
    /// Whether clips are mirrored with probability 1/2.
    package var mirror: Bool
    /// Labels that a mirror would turn into another: clips of their videos are never mirrored.
    package var directional: [String]
    /// Clips drawn from each window, k.
    package var echo: Int

    /// How frames are scaled before the crop.
    package enum Resize: Sendable, Equatable {
      case exact(height: Int, width: Int)
      /// Short side to this many pixels, aspect ratio kept; of a range, one is drawn for each window, and the least is for
      /// tests.
      case shortEdge(ClosedRange<Int>)

      /// The smaller side after scaling, at least.
      package var shortestSide: Int {
        switch self {
        case .exact(let height, let width): min(height, width)
        case .shortEdge(let sides): sides.lowerBound
        }
      }
    }

    /// Frames a decode worker emits for one item.
    package var windowFrames: Int { frames + slack }

    /// Frames of the video from the first to the last frame of a window, both included, where videos are not resampled.
    package var windowSpan: Int { (windowFrames - 1) * stride + 1 }

    /// Pixels of one window, (T + slack, H, W); a 16:9 video is assumed for a short edge.
    package var windowPixels: Int {
      switch resize {
      case .exact(let height, let width): windowFrames * height * width
      case .shortEdge(let sides): windowFrames * sides.upperBound * ((sides.upperBound * 16 + 8) / 9)
      }
    }

    /// Pixels of one clip, (T, crop, crop).
    package var clipPixels: Int { frames * crop * crop }
  }
}
