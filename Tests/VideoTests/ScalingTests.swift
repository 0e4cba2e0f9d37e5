import CLibAV
import Foundation
import Testing

/// The one way in which frames become RGB: near the slow reference, the same bits whatever the buffer.
struct ScalingTests {
  static let reference = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT
  static let flags = reference | SWS_BITEXACT

  /// A frame of texture and edges, 4:2:0 or 4:4:4, with noise as a camera's.
  func frame(_ format: AVPixelFormat, width: Int, height: Int) throws -> UnsafeMutablePointer<AVFrame> {
    let frame = try #require(av_frame_alloc())
    frame.pointee.format = format.rawValue
    frame.pointee.width = Int32(width)
    frame.pointee.height = Int32(height)
    try #require(av_frame_get_buffer(frame, 0) >= 0)
    var random = SplitMix64(state: 9)
    let isHalved = format == AV_PIX_FMT_YUV420P
    for (plane, data) in [frame.pointee.data.0, frame.pointee.data.1, frame.pointee.data.2].enumerated() {
      let (across, down) = plane > 0 && isHalved ? ((width + 1) / 2, (height + 1) / 2) : (width, height)
      let stride = Int([frame.pointee.linesize.0, frame.pointee.linesize.1, frame.pointee.linesize.2][plane])
      for y in 0..<down {
        for x in 0..<across {
          let (u, v) = (Double(x) / Double(across), Double(y) / Double(down))
          let wave = sin(u * 40 + Double(plane)) * 30 + cos(v * 55) * 25 + (u + v > 1 ? 40 : 0)
          data![y * stride + x] = UInt8(max(16, min(235, 110 + wave + Double.random(in: -6...6, using: &random))))
        }
      }
    }
    return frame
  }

  private func scaler(
    _ frame: UnsafeMutablePointer<AVFrame>, _ size: (width: Int, height: Int), _ format: AVPixelFormat, _ flags: Int32
  ) throws -> OpaquePointer {
    try #require(
      clibav_make_scaler(
        frame.pointee.width, frame.pointee.height, AVPixelFormat(frame.pointee.format),
        Int32(AVCOL_SPC_UNSPECIFIED.rawValue), 0, Int32(size.width), Int32(size.height), format,
        Int32(AVCOL_SPC_SMPTE170M.rawValue), 1, flags))
  }

  /// (height, width, 3) by the converter's way, with rows that are `padding` bytes longer and start `offset` bytes off a cache line.
  private func scaled(
    _ frame: UnsafeMutablePointer<AVFrame>, _ size: (width: Int, height: Int), padding: Int, offset: Int
  ) throws -> [UInt8] {
    let isPlanar = size.height != Int(frame.pointee.height)
    let scaler = try scaler(frame, size, isPlanar ? AV_PIX_FMT_GBRP : AV_PIX_FMT_RGB24, ScalingTests.flags)
    defer { sws_freeContext(scaler) }
    let step = isPlanar ? 1 : 3
    let stride = size.width * step + padding
    let plane = stride * (size.height + 1) + 64
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: plane * 3 + offset, alignment: 64)
    defer { memory.deallocate() }
    let base = memory.baseAddress!.assumingMemoryBound(to: UInt8.self) + offset
    #expect(clibav_scale(scaler, frame, base, Int32(stride), isPlanar ? plane : 0) == Int32(size.height))
    return (0..<size.height * size.width).flatMap { pixel in
      (isPlanar ? [2 * plane, 0, plane] : [0, 1, 2]).map {
        base[$0 + pixel / size.width * stride + pixel % size.width * step]
      }
    }
  }

  private func packed(_ frame: UnsafeMutablePointer<AVFrame>, _ size: (width: Int, height: Int)) throws -> [UInt8] {
    let scaler = try scaler(frame, size, AV_PIX_FMT_RGB24, ScalingTests.reference)
    defer { sws_freeContext(scaler) }
    let stride = (size.width * 3 + 63) / 64 * 64
    var rows = [UInt8](repeating: 0, count: stride * (size.height + 1))
    let source = withUnsafeBytes(of: frame.pointee.data) { Array($0.bindMemory(to: UnsafePointer<UInt8>?.self)) }
    let strides = withUnsafeBytes(of: frame.pointee.linesize) { Array($0.bindMemory(to: Int32.self)) }
    rows.withUnsafeMutableBufferPointer { buffer in
      let planes = [buffer.baseAddress, nil, nil, nil]
      _ = sws_scale(scaler, source, strides, 0, frame.pointee.height, planes, [Int32(stride), 0, 0, 0])
    }
    return (0..<size.height).flatMap { rows[$0 * stride..<$0 * stride + size.width * 3] }
  }

  @Test(arguments: [(340, 256), (1280, 720), (61, 47)], [(171, 128), (128, 128), (340, 256), (456, 256), (33, 21)])
  func planesAreNearTheReferenceWhateverTheBuffer(source: (Int, Int), result: (Int, Int)) throws {
    let size = (width: result.0, height: result.1)
    for format in [AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV444P] {
      var frame: UnsafeMutablePointer<AVFrame>? = try self.frame(format, width: source.0, height: source.1)
      defer { av_frame_free(&frame) }
      let pixels = try scaled(frame!, size, padding: 64 - size.width % 64, offset: 0)
      let reference = try packed(frame!, size)
      let error = zip(pixels, reference).reduce(0.0) { sum, pair in
        sum + pow(Double(pair.0) - Double(pair.1), 2)
      }
      let decibels = 10 * log10(255 * 255 * Double(pixels.count) / max(error, 1e-9))
      #expect(decibels >= 45, "\(source) to \(result): \(decibels) dB")
      for (padding, offset) in [(0, 0), (1, 1), (37, 16), (13, 7)] {
        #expect(try scaled(frame!, size, padding: padding, offset: offset) == pixels, "\(padding), \(offset)")
      }
    }
  }
}
