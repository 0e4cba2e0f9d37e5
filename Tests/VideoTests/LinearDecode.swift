import CLibAV
import Foundation

/// The reference: libav's linear decode of a whole file, default options, one thread, drained at the end; every frame at
/// its own size as RGB through the project's scaler settings. Shares no code with the decoder under test.
enum LinearDecode {
  struct Failure: Error {}

  /// Frames as (height, width, RGB bytes), not rotated.
  static func frames(of path: String) throws -> [(height: Int, width: Int, rgb: [UInt8])] {
    var context: UnsafeMutablePointer<AVFormatContext>?
    guard avformat_open_input(&context, "file:" + path, nil, nil) >= 0 else { throw Failure() }
    defer { avformat_close_input(&context) }
    guard avformat_find_stream_info(context, nil) >= 0 else { throw Failure() }
    let number = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0)
    guard number >= 0, let stream = context!.pointee.streams[Int(number)],
      let codec = avcodec_find_decoder(stream.pointee.codecpar.pointee.codec_id)
    else { throw Failure() }
    var decoder = avcodec_alloc_context3(codec)
    defer { avcodec_free_context(&decoder) }
    avcodec_parameters_to_context(decoder, stream.pointee.codecpar)
    decoder!.pointee.thread_count = 1
    guard avcodec_open2(decoder, codec, nil) >= 0 else { throw Failure() }
    var packet = av_packet_alloc()
    var frame = av_frame_alloc()
    defer {
      av_packet_free(&packet)
      av_frame_free(&frame)
    }
    var result: [(height: Int, width: Int, rgb: [UInt8])] = []
    func receive() {
      while avcodec_receive_frame(decoder, frame) >= 0 { result.append(convert(frame!)) }
    }
    while av_read_frame(context, packet) >= 0 {
      if packet!.pointee.stream_index == number && packet!.pointee.size > 0 {
        _ = avcodec_send_packet(decoder, packet)
        receive()
      }
      av_packet_unref(packet)
    }
    _ = avcodec_send_packet(decoder, nil)
    receive()
    return result
  }

  private static func convert(_ frame: UnsafeMutablePointer<AVFrame>) -> (height: Int, width: Int, rgb: [UInt8]) {
    let (width, height) = (Int(frame.pointee.width), Int(frame.pointee.height))
    let format = AVPixelFormat(rawValue: frame.pointee.format)
    let isFull = frame.pointee.color_range == AVCOL_RANGE_JPEG || clibav_is_jpeg_format(format) != 0
    let scaler = clibav_make_scaler(
      Int32(width), Int32(height), format, Int32(frame.pointee.colorspace.rawValue), isFull ? 1 : 0, Int32(width),
      Int32(height), AV_PIX_FMT_RGB24, Int32(AVCOL_SPC_SMPTE170M.rawValue), 1,
      SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT)
    defer { sws_freeContext(scaler) }
    // A stride unlike the decoder's own: bits must not depend on the buffer.
    let stride = width * 3 + 37
    var rows = [UInt8](repeating: 0, count: stride * (height + 1) + 64)
    _ = rows.withUnsafeMutableBufferPointer { buffer in
      clibav_scale(scaler!, frame, buffer.baseAddress!, Int32(stride), 0)
    }
    var rgb: [UInt8] = []
    rgb.reserveCapacity(width * height * 3)
    for row in 0..<height { rgb.append(contentsOf: rows[row * stride..<row * stride + width * 3]) }
    return (height, width, rgb)
  }
}
