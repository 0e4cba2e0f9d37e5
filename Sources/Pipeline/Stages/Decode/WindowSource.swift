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

  /// What `window` gives for each of several clips of one video, decoded in one go where that is faster.
  func windows(for items: [WorkItem], size: FrameSize, format: PixelFormat) -> [Result<FrameTensor, ClipFailure>]
}

extension WindowSource {
  package func windows(
    for items: [WorkItem], size: FrameSize, format: PixelFormat
  ) -> [Result<FrameTensor, ClipFailure>] {
    eachAlone(items, size, format)
  }

  fileprivate func eachAlone(
    _ items: [WorkItem], _ size: FrameSize, _ format: PixelFormat
  ) -> [Result<FrameTensor, ClipFailure>] {
    items.map { item in
      Result { () throws(ClipFailure) in try window(for: item, size: size, format: format) }
    }
  }
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
  /// Work of all decoders so far.
  package private(set) var statistics = DecodeStatistics()

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
    if let warning = changed.warning(of: item.path, modifiedSeconds: item.modifiedSeconds) { warn(warning) }
    do throws(VideoError) {
      return try decode(item, item.frameIndices, size, format)
    } catch {
      throw ClipFailure(reason: error.message, isTransient: error.isTransient)
    }
  }

  private func decode(
    _ item: WorkItem, _ frames: [Int], _ size: FrameSize, _ format: PixelFormat
  ) throws(VideoError) -> FrameTensor {
    let decoder = try VideoDecoder(path: item.path, indexed: item.indexed)
    defer { statistics.add(decoder.statistics) }
    return try decoder.frames(at: frames, size: size, format: format)
  }

  /// In one pass through the video. If anything fails each clip is decoded by itself, so that none decides on another.
  package func windows(
    for items: [WorkItem], size: FrameSize, format: PixelFormat
  ) -> [Result<FrameTensor, ClipFailure>] {
    guard items.count > 1, items.allSatisfy({ $0.path == items[0].path && $0.indexed == items[0].indexed }),
      let all = try? decode(items[0], items.flatMap(\.frameIndices), size, format)
    else { return eachAlone(items, size, format) }
    if let warning = changed.warning(of: items[0].path, modifiedSeconds: items[0].modifiedSeconds) { warn(warning) }
    var start = 0
    return items.map { item in
      defer { start += item.windowFrames }
      return .success(all.copy(of: start..<start + item.windowFrames))
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
