import Foundation
import Glibc
package import Tensors
package import Video

/// Why a clip could not be made; the reason names the file.
package struct ClipFailure: Error, Sendable, Equatable {
  package var reason: String
  /// A verdict counts against the file; a transient failure is tried again elsewhere.
  package var isTransient: Bool
}

/// Where windows come from. Used on one work thread.
package protocol WindowSource: Sendable {
  /// The frames of the item's window, scaled.
  func window(for item: WorkItem, size: FrameSize, format: PixelFormat) throws(ClipFailure) -> FrameTensor
}

/// Windows decoded from video files. The last one is kept: with `clip.echo`, the next item may be of the same window.
package final class VideoWindowSource: WindowSource, @unchecked Sendable {
  // Sendable: `window(for:size:format:)` is only called on one work thread.
  private struct Request: Equatable {
    let path: String
    let byteCount: Int
    let frameCount: Int
    let frames: [Int]
    let size: FrameSize
    let format: PixelFormat
  }

  private var last: (request: Request, window: FrameTensor)?

  private var changed = ChangedFiles()
  private let warn: @Sendable (String) -> Void

  /// - Parameter warn: takes what people should know, a line each.
  package init(
    warn: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
  ) {
    self.warn = warn
  }

  package func window(
    for item: WorkItem, size: FrameSize, format: PixelFormat
  ) throws(ClipFailure) -> FrameTensor {
    let request = Request(
      path: item.path, byteCount: item.byteCount, frameCount: item.frameCount, frames: item.frameIndices, size: size,
      format: format)
    if let last, last.request == request { return last.window }
    last = nil
    let window = try decode(item, size, format)
    last = (request, window)
    return window
  }

  private func decode(
    _ item: WorkItem, _ size: FrameSize, _ format: PixelFormat
  ) throws(ClipFailure) -> FrameTensor {
    if let warning = changed.warning(of: item) { warn(warning) }
    do throws(VideoError) {
      let decoder = try VideoDecoder(path: item.path, indexed: item.indexed)
      return try decoder.frames(at: item.frameIndices, size: size, format: format)
    } catch {
      throw ClipFailure(reason: error.message, isTransient: error.isTransient)
    }
  }
}

/// Grey frames after a wait: a stand-in whose speed is known.
package struct MockWindowSource: WindowSource {
  package var seconds: Double

  package init(seconds: Double) { self.seconds = seconds }

  package func window(
    for item: WorkItem, size: FrameSize, format: PixelFormat
  ) throws(ClipFailure) -> FrameTensor {
    if seconds > 0 { usleep(UInt32(seconds * 1e6)) }
    let (height, width) =
      switch size {
      case .exact(let height, let width): (height, width)
      case .shortEdge(let edge): (edge, edge)
      case .native: (128, 171)
      }
    let window = FrameTensor(
      frames: item.windowFrames, height: format.side(height), width: format.side(width), format: format)
    window.buffer.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: item.key.stableHash))
    return window
  }
}
