import CLibAV
import Tensors

/// Writes one video file through libav; the container follows from the path's extension. One thread uses it.
///
/// A writer that goes without `finish()` leaves an incomplete file.
package final class VideoWriter {
  private let path: String
  private let width: Int
  private let height: Int
  private let framesPerSecond: (num: Int, den: Int)
  private let options: VideoWriterOptions
  private let muxer: Muxer
  private let encoder: CodecHandle
  private let packet = PacketHandle()
  private let source = FrameHandle()
  private let picture = FrameHandle()
  private let scaler: ScalerHandle
  private var nextPTS: Int64
  private var isFinished = false

  /// - Parameters:
  ///   - width: in pixels; H.264 in 4:2:0 needs even sizes.
  ///   - framesPerSecond: a fraction; one tick of the file's clock is its inverse.
  package init(
    path: String, width: Int, height: Int, framesPerSecond: (num: Int, den: Int),
    options: VideoWriterOptions = VideoWriterOptions()
  ) throws(VideoError) {
    _ = LibAV.quiet
    guard (1...16384).contains(width), (1...16384).contains(height) else {
      throw VideoError(.encode, "\(path): a frame of \(width)x\(height) pixels cannot be written")
    }
    guard (1...1_000_000).contains(framesPerSecond.num), (1...1_000_000).contains(framesPerSecond.den) else {
      throw VideoError(.encode, "\(path): \(framesPerSecond.num)/\(framesPerSecond.den) frames a second is not a rate")
    }
    guard let codec = avcodec_find_encoder_by_name(options.codec) else {
      throw VideoError(.encode, "\(path): libav has no encoder \(options.codec)")
    }
    let format = av_get_pix_fmt(options.pixelFormat)
    guard format != AV_PIX_FMT_NONE else {
      throw VideoError(.encode, "\(path): libav has no pixel format \(options.pixelFormat)")
    }
    let muxer = try Muxer(path: path, isBitExact: options.deterministic)
    let encoder = CodecHandle(codec)
    let context = encoder.pointer
    context.pointee.width = Int32(width)
    context.pointee.height = Int32(height)
    context.pointee.pix_fmt = format
    context.pointee.time_base = AVRational(num: Int32(framesPerSecond.den), den: Int32(framesPerSecond.num))
    context.pointee.framerate = AVRational(num: Int32(framesPerSecond.num), den: Int32(framesPerSecond.den))
    VideoWriter.setColor(of: context, options)
    if muxer.wantsGlobalHeader { context.pointee.flags |= Int32(AV_CODEC_FLAG_GLOBAL_HEADER) }
    if options.deterministic { context.pointee.flags |= Int32(AV_CODEC_FLAG_BITEXACT) }
    var settings = OptionsHandle(EncoderSettings.options(for: options))
    try LibAV.check(
      avcodec_open2(context, codec, &settings.pointer), .encode, "open encoder \(options.codec) for \(width)x\(height)",
      path)
    if let name = settings.firstLeft {
      throw VideoError(.encode, "\(path): encoder \(options.codec) has no option \(name)")
    }
    let isFullRange = options.isFullRange || clibav_is_jpeg_format(format) != 0
    let matrix = Int32(options.colorMatrix == .bt709 ? AVCOL_SPC_BT709.rawValue : AVCOL_SPC_SMPTE170M.rawValue)
    guard
      let scaler = clibav_make_scaler(
        Int32(width), Int32(height), AV_PIX_FMT_RGB24, matrix, 1, Int32(width), Int32(height), format, matrix,
        isFullRange ? 1 : 0, FrameConverter.scalerFlags)
    else { throw VideoError(.encode, "\(path): libav cannot convert RGB to \(options.pixelFormat)") }
    self.path = path
    self.width = width
    self.height = height
    self.framesPerSecond = framesPerSecond
    self.options = options
    nextPTS = Int64(options.firstTick)
    self.muxer = muxer
    self.encoder = encoder
    self.scaler = ScalerHandle(scaler)
    try allocate(source.pointer, AV_PIX_FMT_RGB24)
    try allocate(picture.pointer, format)
    try muxer.start(encoder: context, options: options)
  }

  /// Appends a frame.
  ///
  /// - Parameters:
  ///   - rgb: (H, W, 3), uint8, contiguous.
  ///   - ticks: how long the frame stays before the next, in ticks of 1 / `framesPerSecond` seconds; 1 throughout gives
  ///     a constant frame rate.
  package func append(rgb: UnsafeRawBufferPointer, ticks: Int = 1) throws(VideoError) {
    guard rgb.count == width * height * 3, let base = rgb.baseAddress else {
      throw VideoError(.encode, "\(path): a frame of \(rgb.count) bytes is not \(width)x\(height) RGB")
    }
    // Through an aligned, padded frame: the scaler may read past the end of a row.
    copyRows(from: base, rowBytes: width * 3, rows: height, to: source.pointer, plane: 0)
    try makeWritable(picture.pointer)
    try LibAV.check(
      clibav_scale_frame(scaler.pointer, source.pointer, picture.pointer), .encode, "convert a frame", path)
    try encodePicture(ticks: ticks)
  }

  /// Appends a frame given as planes in the file's pixel format, rows contiguous: luma, then the two chroma planes.
  package func append(
    y: UnsafeRawBufferPointer, u: UnsafeRawBufferPointer, v: UnsafeRawBufferPointer, ticks: Int = 1
  ) throws(VideoError) {
    guard let descriptor = av_pix_fmt_desc_get(encoder.pointer.pointee.pix_fmt), descriptor.pointee.nb_components == 3,
      av_pix_fmt_count_planes(encoder.pointer.pointee.pix_fmt) == 3
    else { throw VideoError(.encode, "\(path): \(options.pixelFormat) is not three planes") }
    let sampleBytes = descriptor.pointee.comp.0.depth > 8 ? 2 : 1
    let chromaWidth = -(-width >> Int(descriptor.pointee.log2_chroma_w))
    let chromaHeight = -(-height >> Int(descriptor.pointee.log2_chroma_h))
    try makeWritable(picture.pointer)
    for (plane, (bytes, columns, rows)) in [
      (y, width, height), (u, chromaWidth, chromaHeight), (v, chromaWidth, chromaHeight),
    ].enumerated() {
      guard bytes.count == columns * rows * sampleBytes, let base = bytes.baseAddress else {
        throw VideoError(
          .encode, "\(path): plane \(plane) has \(bytes.count) bytes, not \(columns)x\(rows)x\(sampleBytes)")
      }
      copyRows(from: base, rowBytes: columns * sampleBytes, rows: rows, to: picture.pointer, plane: plane)
    }
    try encodePicture(ticks: ticks)
  }

  /// Writes what the encoder still holds and the container's end. Call once, last.
  package func finish() throws(VideoError) {
    guard !isFinished else { return }
    isFinished = true
    try LibAV.check(avcodec_send_frame(encoder.pointer, nil), .encode, "finish encoding", path)
    try writePackets()
    try muxer.finish()
  }

  private func encodePicture(ticks: Int) throws(VideoError) {
    guard !isFinished else { throw VideoError(.encode, "\(path): the writer is finished") }
    guard (1...1_000_000).contains(ticks) else { throw VideoError(.encode, "\(path): a frame of \(ticks) ticks") }
    picture.pointer.pointee.pts = nextPTS
    if options.hasSilentAudio {
      try muxer.appendSilence(
        atSeconds: Double(nextPTS) * Double(framesPerSecond.den) / Double(framesPerSecond.num),
        seconds: Double(ticks) * Double(framesPerSecond.den) / Double(framesPerSecond.num))
    }
    nextPTS += Int64(ticks)
    try LibAV.check(avcodec_send_frame(encoder.pointer, picture.pointer), .encode, "encode a frame", path)
    try writePackets()
  }

  private func writePackets() throws(VideoError) {
    while true {
      let status = avcodec_receive_packet(encoder.pointer, packet.pointer)
      if status == clibav_again() || status == clibav_eof() { return }
      try LibAV.check(status, .encode, "encode a frame", path)
      try muxer.write(packet.pointer, timeBase: encoder.pointer.pointee.time_base)
    }
  }

  private func allocate(_ frame: UnsafeMutablePointer<AVFrame>, _ format: AVPixelFormat) throws(VideoError) {
    frame.pointee.format = format.rawValue
    frame.pointee.width = Int32(width)
    frame.pointee.height = Int32(height)
    if format != AV_PIX_FMT_RGB24 {
      frame.pointee.colorspace = encoder.pointer.pointee.colorspace
      frame.pointee.color_range = encoder.pointer.pointee.color_range
    }
    try LibAV.check(av_frame_get_buffer(frame, 0), .encode, "allocate a frame", path)
  }

  private func makeWritable(_ frame: UnsafeMutablePointer<AVFrame>) throws(VideoError) {
    try LibAV.check(av_frame_make_writable(frame), .encode, "allocate a frame", path)
  }

  private func copyRows(
    from base: UnsafeRawPointer, rowBytes: Int, rows: Int, to frame: UnsafeMutablePointer<AVFrame>, plane: Int
  ) {
    let (data, stride) = FrameConverter.plane(plane, of: frame)
    for row in 0..<rows {
      (data + row * stride).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
    }
  }

  private static func setColor(of context: UnsafeMutablePointer<AVCodecContext>, _ options: VideoWriterOptions) {
    switch options.colorMatrix {
    case .untagged: break
    case .bt601:
      context.pointee.colorspace = AVCOL_SPC_SMPTE170M
      context.pointee.color_primaries = AVCOL_PRI_SMPTE170M
      context.pointee.color_trc = AVCOL_TRC_SMPTE170M
    case .bt709:
      context.pointee.colorspace = AVCOL_SPC_BT709
      context.pointee.color_primaries = AVCOL_PRI_BT709
      context.pointee.color_trc = AVCOL_TRC_BT709
    }
    if options.isFullRange { context.pointee.color_range = AVCOL_RANGE_JPEG }
  }
}
