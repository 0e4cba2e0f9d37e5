import CLibAV

/// A decoder of one stream: packets in, frames out, on one thread.
final class Codec {
  private let handle: CodecHandle
  private let frame = FrameHandle()
  private let canSkipNonReference: Bool
  /// How often libav has guessed at a missing reference.
  private let guesses: UnsafeMutablePointer<Int32>

  init(_ demuxer: Demuxer) throws(VideoError) {
    let parameters = demuxer.stream.pointee.codecpar!
    let id = parameters.pointee.codec_id
    guard let codec = avcodec_find_decoder(id) else {
      throw VideoError(.unsupported, "\(demuxer.path): no decoder for \(String(cString: avcodec_get_name(id)))")
    }
    let (width, height) = (parameters.pointee.width, parameters.pointee.height)
    guard Int64(width) * Int64(height) <= DecodeBudget.framePixels else {
      throw VideoError(
        .unsupported,
        "\(demuxer.path): frames of \(width)x\(height) pixels; at most \(DecodeBudget.framePixels) (64 megapixels) are decoded"
      )
    }
    handle = CodecHandle(codec)
    guesses = .allocate(capacity: 1)
    guesses.initialize(to: 0)
    // HEVC's sub-layer non-reference pictures may be referred to by higher temporal layers, and VP9 ignores the option.
    canSkipNonReference = [AV_CODEC_ID_H264, AV_CODEC_ID_MPEG2VIDEO, AV_CODEC_ID_MPEG4].contains(id)
    let context = handle.pointer
    try LibAV.check(
      avcodec_parameters_to_context(context, parameters), .corrupt, "read the codec's parameters", demuxer.path)
    context.pointee.pkt_timebase = demuxer.stream.pointee.time_base
    context.pointee.thread_count = 1
    context.pointee.opaque = UnsafeMutableRawPointer(guesses)
    context.pointee.max_pixels = DecodeBudget.framePixels
    // Codecs that conceal mark the frame. These do not, so that their errors must end the frame.
    context.pointee.err_recognition = AV_EF_CRCCHECK
    if id == AV_CODEC_ID_HEVC || clibav_is_intra_only(id) != 0 { context.pointee.err_recognition |= AV_EF_EXPLODE }
    try LibAV.check(
      avcodec_open2(context, codec, nil), .unsupported, "open the decoder \(String(cString: codec.pointee.name))",
      demuxer.path)
  }

  deinit {
    handle.pointer.pointee.opaque = nil
    guesses.deallocate()
  }

  /// Whether, since the last call of this, a picture referred to one that is missing, so that what it was decoded with may
  /// depend on skipped pictures.
  func takeGuessedReferences() -> Bool {
    defer { guesses.pointee = 0 }
    return guesses.pointee > 0
  }

  /// Frames that may be held back for reordering.
  var delay: Int { max(Int(handle.pointer.pointee.has_b_frames), 0) }

  /// Forgets all packets, for a jump.
  func flush() { avcodec_flush_buffers(handle.pointer) }

  /// Drops the frames of the packets sent from now on that no other frame refers to, in the codecs where that cannot
  /// change another frame. The decoder must have been drained, so that no packet sent before is meant.
  func skipNonReference(_ isSkipping: Bool) {
    guard canSkipNonReference else { return }
    handle.pointer.pointee.skip_frame = isSkipping ? AVDISCARD_NONREF : AVDISCARD_DEFAULT
  }

  /// Sends a packet (nil: the end) after everything sent before has been received. False if it failed to decode.
  func send(_ packet: UnsafeMutablePointer<AVPacket>?) -> Bool {
    let status = avcodec_send_packet(handle.pointer, packet)
    return status >= 0 || status == clibav_eof()
  }

  enum Output {
    /// Valid until the next call.
    case frame(UnsafeMutablePointer<AVFrame>)
    /// A packet sent before failed to decode.
    case failure
    /// Needs more packets, or is at the end.
    case none
  }

  func receive() -> Output {
    let status = avcodec_receive_frame(handle.pointer, frame.pointer)
    if status >= 0 { return .frame(frame.pointer) }
    return status == clibav_again() || status == clibav_eof() ? .none : .failure
  }
}
