import CLibAV

/// What a video file holds, as its own packets tell (headers lie).
package struct VideoInfo: Sendable, Equatable {
  /// Frames that a linear decode outputs, counted by demuxing.
  package let frameCount: Int
  /// Pixels across, after rotation.
  package let width: Int
  /// Pixels down, after rotation.
  package let height: Int
  /// Average rate.
  package let framesPerSecond: Double
  /// From the first frame's time stamp to the end of the last frame.
  package let durationSeconds: Double
  /// libav's name of the codec, such as `h264`.
  package let codec: String
  /// Size of the file.
  package let byteCount: Int

  package init(
    frameCount: Int, width: Int, height: Int, framesPerSecond: Double, durationSeconds: Double, codec: String,
    byteCount: Int
  ) {
    self.frameCount = frameCount
    self.width = width
    self.height = height
    self.framesPerSecond = framesPerSecond
    self.durationSeconds = durationSeconds
    self.codec = codec
    self.byteCount = byteCount
  }
}

extension VideoInfo {
  /// - Parameters:
  ///   - index: of all the file's packets, at least one frame.
  init(demuxer: Demuxer, index: PacketIndex) throws(VideoError) {
    let parameters = demuxer.stream.pointee.codecpar!
    guard parameters.pointee.width > 0, parameters.pointee.height > 0 else {
      throw VideoError(.cannotOpen, "\(demuxer.path): the video stream does not tell its picture size")
    }
    let isTransposed = Orientation(of: demuxer.stream).isTransposed
    let (coded, down) = (Int(parameters.pointee.width), Int(parameters.pointee.height))
    let timeBase = demuxer.stream.pointee.time_base
    let spanSeconds = Double(index.ptsSpan) * Double(timeBase.num) / Double(max(timeBase.den, 1))
    let rates = [demuxer.stream.pointee.avg_frame_rate, demuxer.stream.pointee.r_frame_rate]
    let headerRate = rates.first { rate in rate.num > 0 && rate.den > 0 }.map { Double($0.num) / Double($0.den) }
    let rate =
      spanSeconds > 0 && index.frameCount > 1 ? Double(index.frameCount - 1) / spanSeconds : headerRate ?? 25
    self.init(
      frameCount: index.frameCount, width: isTransposed ? down : coded, height: isTransposed ? coded : down,
      framesPerSecond: headerRate ?? rate, durationSeconds: spanSeconds + 1 / rate,
      codec: String(cString: avcodec_get_name(parameters.pointee.codec_id)), byteCount: demuxer.byteCount)
  }
}
