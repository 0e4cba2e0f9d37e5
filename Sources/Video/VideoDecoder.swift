import CLibAV
package import Tensors

/// Decodes chosen frames of one file. One thread uses it.
///
/// Frame i is the i-th frame that a linear decode outputs (libav's default options, one thread, drained at the end), in
/// every container and codec. What a call returns depends on the file's bytes and its arguments only, never on earlier
/// calls: each call begins at a keyframe with a fresh codec, and what fails is decoded again from a fresh file.
package final class VideoDecoder {
  /// Of the file as it was opened: by its table or by reading it through.
  package let info: VideoInfo
  package internal(set) var statistics = DecodeStatistics()

  let path: String
  let budget: DecodeBudget
  /// The file as the current call reads it.
  var opened: OpenedVideo
  var work = DecodeWork()
  /// A table that goes with what is said of the file.
  private let table: PacketTable?
  private let indexed: IndexedVideo?

  var index: PacketIndex { opened.index }
  var demuxer: Demuxer { opened.demuxer }
  /// Whether the last call, or opening the file, went by the packet table: false if anything differed from that.
  package var usesTable: Bool { opened.table != nil }
  /// Whether each call decodes the file from its start, since its packets do not say which frames they are.
  package var isLinear: Bool { index.isLinear }

  /// Opens a file: by its packet table if it was indexed with one and agrees with it, otherwise by reading it through once
  /// to learn its packets. The pixels that `frames` returns do not depend on the table.
  ///
  /// - Parameters:
  ///   - indexed: what an index says of the file.
  ///   - budget: for each call.
  /// - Throws: also `.corrupt` if the file has another size or other frames than when it was indexed.
  package init(
    path: String, indexed: IndexedVideo? = nil, budget: DecodeBudget = .standard
  ) throws(VideoError) {
    self.path = path
    self.budget = budget
    self.indexed = indexed
    table = indexed?.table.flatMap { table in
      table.info.byteCount == indexed?.byteCount && table.info.frameCount == indexed?.frameCount ? table : nil
    }
    if let table, let opened = try? OpenedVideo(path: path, table: table, budget: budget) {
      self.opened = opened
      info = opened.info
      return
    }
    // A file that was cut may not open any more; that it has another size says more.
    if let indexed, let size = try Demuxer.byteCount(of: VideoLocation(path)) { try indexed.check(path, size) }
    opened = try OpenedVideo(probing: path, budget: budget)
    info = opened.info
    try checkIndexed()
  }

  private func checkIndexed() throws(VideoError) {
    guard let indexed else { return }
    let info = opened.info
    try indexed.check(path, info.byteCount)
    guard info.frameCount == indexed.frameCount else {
      throw VideoError(.corrupt, "\(path): \(info.frameCount) frames, \(indexed.frameCount) when the corpus was built")
    }
  }

  /// Frames at `indices`, in any order, repeats allowed, each in 0..<`info.frameCount`.
  ///
  /// - Returns: `indices.count` frames in `format`, rotation applied; in planes the sides are even, those asked for or one less.
  /// - Throws: `.windowNotWhole` if a frame is not in the file or decoding does not give it, `.corrupt` if it or one it
  ///   may depend on (back to its keyframe) is damaged.
  package func frames(
    at indices: [Int], size: FrameSize, format: PixelFormat = .rgb24
  ) throws(VideoError) -> FrameTensor {
    if let table {
      if let tensor = try? frames(at: indices, size: size, format: format, by: table) { return tensor }
      // Whatever it was: the file itself, read through, decides. The next call tries the table again, so that what it
      // returns does not depend on this one.
      opened.nextOrder = nil
      if usesTable { opened = try OpenedVideo(probing: path, budget: budget) }
    }
    try checkIndexed()
    guard !indices.isEmpty else { throw VideoError(.windowNotWhole, "\(path): a window without frames") }
    if let outside = indices.first(where: { !(0..<opened.info.frameCount).contains($0) }) {
      throw VideoError(.windowNotWhole, "\(path): frame \(outside) is not among the file's \(opened.info.frameCount)")
    }
    var collector = collector(indices, size, format)
    if index.isLinear {
      try decodeFromStart(into: &collector)
    } else {
      try decodeSegments(into: &collector)
    }
    return try collector.finish()
  }

  /// - Throws: if a frame is not in the table, or anything in the file differs from it or is damaged.
  private func frames(
    at indices: [Int], size: FrameSize, format: PixelFormat, by table: PacketTable
  ) throws(VideoError) -> FrameTensor {
    if !usesTable {
      guard let opened = try OpenedVideo(path: path, table: table, budget: budget) else {
        throw VideoError(.corrupt, "\(path): differs from its packet table")
      }
      self.opened = opened
    }
    guard !indices.isEmpty, indices.allSatisfy({ index.order(of: $0) != nil }) else {
      throw VideoError(.windowNotWhole, "\(path): the packet table does not have the window's frames")
    }
    var collector = collector(indices, size, format)
    try decodeSegments(into: &collector)
    return try collector.finish()
  }

  private func collector(_ indices: [Int], _ size: FrameSize, _ format: PixelFormat) -> FrameCollector {
    work = DecodeWork()
    return FrameCollector(
      indices: indices, size: size, format: format, path: path, orientation: Orientation(of: demuxer.stream),
      budget: budget)
  }

  /// The last frame whose time since the first frame is at most `seconds`; 0 for negative times.
  package func frameIndex(atSeconds seconds: Double) -> Int {
    let timeBase = demuxer.stream.pointee.time_base
    guard let first = index.sortedPTS.first, timeBase.den > 0, index.sortedPTS.count == info.frameCount else {
      let frame = seconds * info.framesPerSecond
      return frame >= 1 ? Int(min(frame, Double(info.frameCount - 1))) : 0
    }
    let count = index.frameCount(where: { pts in
      (Double(pts) - Double(first)) * Double(timeBase.num) / Double(timeBase.den) <= seconds
    })
    return max(count - 1, 0)
  }

  /// Opens the file anew, at its first packet.
  func reopen() throws(VideoError) {
    statistics.seeks += 1
    try opened.reopen()
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
