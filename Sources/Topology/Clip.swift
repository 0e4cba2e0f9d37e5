extension Topology {
  /// What is cut from a video for one sample.
  package struct Clip: Sendable, Equatable {
    /// Frames of a clip (T).
    package var frames: Int
    /// Distance between two of them in frames of the video.
    package var stride: Int
    /// Extra frames of a window, at the same stride, from which temporal jitter picks the clip.
    package var slack: Int
    package var resize: Resize
    /// Height and width of the square crop.
    package var crop: Int
    /// Whether clips are mirrored with probability 1/2.
    package var mirror: Bool

    /// How frames are scaled before the crop.
    package enum Resize: Sendable, Equatable {
      case exact(height: Int, width: Int)
      /// Short side to this many pixels, aspect ratio kept.
      case shortEdge(Int)

      /// The smaller side after scaling.
      package var shortestSide: Int {
        switch self {
        case .exact(let height, let width): min(height, width)
        case .shortEdge(let side): side
        }
      }
    }

    /// Frames a decode worker emits for one item.
    package var windowFrames: Int { frames + slack }

    /// Frames of the video from the first to the last frame of a window, both included.
    package var windowSpan: Int { (windowFrames - 1) * stride + 1 }

    /// Bytes of one window, uint8 (T + slack, H, W, 3); a 16:9 video is assumed for a short edge.
    package var windowBytes: Int {
      switch resize {
      case .exact(let height, let width): windowFrames * height * width * 3
      case .shortEdge(let side): windowFrames * side * ((side * 16 + 8) / 9) * 3
      }
    }

    /// Bytes of one clip, uint8 (T, crop, crop, 3).
    package var clipBytes: Int { frames * crop * crop * 3 }
  }
}
