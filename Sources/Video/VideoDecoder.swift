import CLibAV

/// Decodes chosen frames of one file. One thread uses it.
///
/// Frame i is the i-th frame that a linear decode outputs (libav's default options, one thread, drained at the end), in
/// every container and codec. What a call returns depends on the file's bytes and its arguments only, never on earlier
/// calls: each call begins at a keyframe with a fresh codec, and what fails is decoded again from a fresh file.
package final class VideoDecoder {
  package let info: VideoInfo
  package internal(set) var statistics = DecodeStatistics()

  let path: String
  let index: PacketIndex
  let budget: DecodeBudget
  let orientation: Orientation
  var demuxer: Demuxer
  /// Decode order of the packet that the demuxer reads next, where known.
  var nextOrder: Int?
  var work = DecodeWork()

  /// Opens a file and reads it through once to learn its packets.
  package convenience init(path: String) throws(VideoError) {
    try self.init(path: path, budget: .standard)
  }

  /// Opens a file with another budget per call.
  package init(path: String, budget: DecodeBudget) throws(VideoError) {
    let (demuxer, index) = try VideoProbe.open(path: path, budget: budget)
    self.path = path
    self.budget = budget
    self.demuxer = demuxer
    self.index = index
    orientation = Orientation(of: demuxer.stream)
    info = try VideoInfo(demuxer: demuxer, index: index)
  }

  /// Frames at `indices`, in any order, repeats allowed, each in 0..<`info.frameCount`.
  ///
  /// - Returns: uint8 (`indices.count`, H, W, 3), RGB, rotation applied.
  /// - Throws: `.windowNotWhole` if a frame is not in the file or decoding does not give it, `.corrupt` if it or one it
  ///   may depend on (back to its keyframe) is damaged.
  package func frames(at indices: [Int], size: FrameSize) throws(VideoError) -> FrameTensor {
    guard !indices.isEmpty else { throw VideoError(.windowNotWhole, "\(path): a window without frames") }
    if let outside = indices.first(where: { !(0..<info.frameCount).contains($0) }) {
      throw VideoError(.windowNotWhole, "\(path): frame \(outside) is not among the file's \(info.frameCount)")
    }
    var collector = FrameCollector(
      indices: indices, size: size, path: path, orientation: orientation, budget: budget)
    work = DecodeWork()
    if index.isLinear {
      try decodeFromStart(into: &collector)
    } else {
      try decodeSegments(into: &collector)
    }
    return try collector.finish()
  }

  /// The last frame whose time since the first frame is at most `seconds`; 0 for negative times.
  package func frameIndex(atSeconds seconds: Double) -> Int {
    let timeBase = demuxer.stream.pointee.time_base
    guard let first = index.sortedPTS.first, timeBase.den > 0, index.sortedPTS.count == info.frameCount else {
      let frame = seconds * info.framesPerSecond
      return frame >= 1 ? Int(min(frame, Double(info.frameCount - 1))) : 0
    }
    let count = index.frameCount(where: { pts in
      Double(pts - first) * Double(timeBase.num) / Double(timeBase.den) <= seconds
    })
    return max(count - 1, 0)
  }

  /// Opens the file anew, at its first packet.
  func reopen() throws(VideoError) {
    statistics.seeks += 1
    demuxer = try Demuxer(path: path)
    nextOrder = 0
  }

  /// The next packet of the stream, within the call's budget.
  func nextPacket() throws(VideoError) -> UnsafeMutablePointer<AVPacket>? {
    let before = demuxer.packetsRead
    let packet = try demuxer.next(limit: before + budget.packets - work.packets)
    work.packets += demuxer.packetsRead - before
    statistics.packetsRead += demuxer.packetsRead - before
    return packet
  }

  /// Counts a decoded frame against the call's budget.
  func account(for frame: UnsafeMutablePointer<AVFrame>) throws(VideoError) {
    statistics.framesDecoded += 1
    work.frames += 1
    work.pixels += Int(frame.pointee.width) * Int(frame.pointee.height)
    guard work.frames <= budget.frames, work.pixels <= budget.pixels else {
      throw VideoError(.budgetExceeded, "\(path): the window needs more than \(work.frames - 1) frames to be decoded")
    }
  }
}

/// Spent by the current call.
struct DecodeWork {
  var packets = 0
  var frames = 0
  var pixels = 0
  /// Whether packets are read from the start instead of by a jump, as a second attempt does.
  var isReadingThrough = false
}
