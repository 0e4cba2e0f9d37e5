import CLibAV

/// Still images.
package enum PNG {
  /// Encodes an image through libav's PNG encoder.
  ///
  /// - Parameter rgb: (height, width, 3), uint8, contiguous.
  package static func encode(rgb: UnsafeRawBufferPointer, width: Int, height: Int) throws(VideoError) -> [UInt8] {
    _ = LibAV.quiet
    let name = "PNG image"
    let sides = 1...DecodeBudget.longestSide
    guard sides.contains(width), sides.contains(height), rgb.count == width * height * 3, let base = rgb.baseAddress
    else { throw VideoError(.encode, "\(name): \(rgb.count) bytes are not an RGB image of \(width)x\(height)") }
    guard let codec = avcodec_find_encoder(AV_CODEC_ID_PNG) else {
      throw VideoError(.encode, "\(name): libav has no PNG encoder")
    }
    let encoder = CodecHandle(codec)
    encoder.pointer.pointee.width = Int32(width)
    encoder.pointer.pointee.height = Int32(height)
    encoder.pointer.pointee.pix_fmt = AV_PIX_FMT_RGB24
    encoder.pointer.pointee.time_base = AVRational(num: 1, den: 1)
    encoder.pointer.pointee.thread_count = 1
    try LibAV.check(avcodec_open2(encoder.pointer, codec, nil), .encode, "open the encoder", name)
    let frame = FrameHandle()
    frame.pointer.pointee.format = AV_PIX_FMT_RGB24.rawValue
    frame.pointer.pointee.width = Int32(width)
    frame.pointer.pointee.height = Int32(height)
    try LibAV.check(av_frame_get_buffer(frame.pointer, 0), .encode, "allocate", name)
    let (data, stride) = FrameConverter.plane(0, of: frame.pointer)
    for row in 0..<height {
      (data + row * stride).copyMemory(from: base + row * width * 3, byteCount: width * 3)
    }
    try LibAV.check(avcodec_send_frame(encoder.pointer, frame.pointer), .encode, "encode", name)
    try LibAV.check(avcodec_send_frame(encoder.pointer, nil), .encode, "encode", name)
    let packet = PacketHandle()
    try LibAV.check(avcodec_receive_packet(encoder.pointer, packet.pointer), .encode, "encode", name)
    return Array(UnsafeBufferPointer(start: packet.pointer.pointee.data, count: Int(packet.pointer.pointee.size)))
  }
}
