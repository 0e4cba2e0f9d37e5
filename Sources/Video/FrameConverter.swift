import CLibAV
import Tensors

/// Scales decoded frames, turned as the display matrix says, to RGB or to planes.
///
/// Every conversion in Sluice, of the decoder and of its tests, uses the same flags, and the matrix and range that the
/// frame itself names (unspecified: BT.601, limited range). To RGB where the height changes it goes through planes of G, B
/// and R, for which libswscale has vector code: twice as fast as to packed RGB, and the same to 1 part in 255. To planes
/// libswscale only scales; another matrix or range than the planes' own is left to ``ColorMap``.
struct FrameConverter: ~Copyable {
  /// Bilinear, without the shortcuts that round differently from one code path to another.
  static let scalerFlags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT
  /// Of a video in colours, chroma is made of every pixel: made of pairs, it would reach beyond the frame at odd widths.
  static let planeFlags = scalerFlags | SWS_FULL_CHR_H_INP

  private struct Key: Equatable {
    var width: Int32
    var height: Int32
    var format: Int32
    var matrix: UInt32
    var isFullRange: Bool
    var outWidth: Int
    var outHeight: Int
    var outFormat: Int32
  }

  /// A scaled frame in this converter's memory.
  private struct Scaled {
    var base: UnsafeMutablePointer<UInt8>
    /// Bytes between rows.
    var stride: Int
    /// Bytes between planes.
    var planeBytes: Int
  }

  private let path: String
  private let orientation: Orientation
  private let format: PixelFormat
  private var key: Key?
  private var scaler: ScalerHandle?
  private var memory: AlignedBuffer?

  init(path: String, orientation: Orientation, format: PixelFormat) {
    self.path = path
    self.orientation = orientation
    self.format = format
  }

  /// Writes `frame` to `out`, one frame of this size.
  mutating func convert(
    _ frame: UnsafeMutablePointer<AVFrame>, to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) throws(VideoError) {
    switch format {
    case .rgb24: try convertToRGB(frame, to: out, height: height, width: width)
    case .yuv420p: try convertToPlanes(frame, to: out, height: height, width: width)
    }
  }

  private mutating func convertToRGB(
    _ frame: UnsafeMutablePointer<AVFrame>, to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) throws(VideoError) {
    let isPlanar = (orientation.isTransposed ? width : height) != Int(frame.pointee.height)
    let scaled = try scale(frame, to: isPlanar ? AV_PIX_FMT_GBRP : AV_PIX_FMT_RGB24, height: height, width: width)
    let first = UnsafePointer(scaled.base)
    let channels =
      isPlanar
      ? (first + 2 * scaled.planeBytes, first, first + scaled.planeBytes) : (first, first + 1, first + 2)
    orientation.interleave(
      channels, pixelBytes: isPlanar ? 1 : 3, stride: scaled.stride, to: out, height: height, width: width)
  }

  private mutating func convertToPlanes(
    _ frame: UnsafeMutablePointer<AVFrame>, to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) throws(VideoError) {
    let scaled = try scale(frame, to: AV_PIX_FMT_YUV420P, height: height, width: width)
    let planes = (scaled.base, scaled.base + scaled.planeBytes, scaled.base + 2 * scaled.planeBytes)
    if let map = ColorMap(of: frame) {
      let turned = orientation.isTransposed ? (height: width, width: height) : (height: height, width: width)
      map.apply(to: planes, stride: scaled.stride, height: turned.height, width: turned.width)
    }
    var target = out.baseAddress!
    for (plane, divisor) in [(planes.0, 1), (planes.1, 2), (planes.2, 2)] {
      let (rows, columns) = (height / divisor, width / divisor)
      orientation.copy(plane: plane, stride: scaled.stride, to: target, height: rows, width: columns)
      target += rows * columns
    }
  }

  /// Scales to what is shown at (height, width), not turned yet.
  private mutating func scale(
    _ frame: UnsafeMutablePointer<AVFrame>, to target: AVPixelFormat, height: Int, width: Int
  ) throws(VideoError) -> Scaled {
    let turned = orientation.isTransposed ? (height: width, width: height) : (height: height, width: width)
    let isPacked = target == AV_PIX_FMT_RGB24
    let stride = (turned.width * (isPacked ? 3 : 1) + 63) / 64 * 64
    // One more row: vector code may write past the end of the last one.
    let planeBytes = stride * (turned.height + 1)
    try prepare(
      frame, outHeight: turned.height, outWidth: turned.width, outFormat: target,
      byteCount: isPacked ? planeBytes : planeBytes * 3)
    guard let memory, let handle = scaler?.pointer else {
      throw VideoError(.unsupported, "\(path): no scaler to \(width)x\(height)")
    }
    let base = memory.elements(UInt8.self).baseAddress!
    let status = clibav_scale(handle, frame, base, Int32(stride), isPacked ? 0 : planeBytes)
    guard status == Int32(turned.height) else {
      throw VideoError(.unsupported, "\(path): cannot scale a frame to \(width)x\(height)")
    }
    return Scaled(base: base, stride: stride, planeBytes: planeBytes)
  }

  private mutating func prepare(
    _ frame: UnsafeMutablePointer<AVFrame>, outHeight: Int, outWidth: Int, outFormat: AVPixelFormat, byteCount: Int
  ) throws(VideoError) {
    let wanted = Key(
      width: frame.pointee.width, height: frame.pointee.height, format: frame.pointee.format,
      matrix: frame.pointee.colorspace.rawValue, isFullRange: clibav_is_full_range(frame) != 0, outWidth: outWidth,
      outHeight: outHeight, outFormat: outFormat.rawValue)
    if wanted == key { return }
    key = nil
    let format = AVPixelFormat(rawValue: wanted.format)
    let made =
      outFormat == AV_PIX_FMT_YUV420P
      ? clibav_make_plane_scaler(
        wanted.width, wanted.height, format, wanted.isFullRange ? 1 : 0, Int32(outWidth), Int32(outHeight),
        FrameConverter.planeFlags)
      : clibav_make_scaler(
        wanted.width, wanted.height, format, Int32(wanted.matrix), wanted.isFullRange ? 1 : 0, Int32(outWidth),
        Int32(outHeight), outFormat, Int32(AVCOL_SPC_SMPTE170M.rawValue), 1, FrameConverter.scalerFlags)
    guard let made else {
      throw VideoError(
        .unsupported, "\(path): cannot scale \(wanted.width)x\(wanted.height) to \(outWidth)x\(outHeight)")
    }
    scaler = ScalerHandle(made)
    memory = AlignedBuffer(byteCount: byteCount)
    key = wanted
  }

  /// First byte and stride in bytes of a plane.
  static func plane(
    _ index: Int, of frame: UnsafeMutablePointer<AVFrame>
  ) -> (data: UnsafeMutableRawPointer, stride: Int) {
    let data = frame.pointee.extended_data[index]!
    return withUnsafeBytes(of: frame.pointee.linesize) { strides in
      (UnsafeMutableRawPointer(data), Int(strides.load(fromByteOffset: index * 4, as: Int32.self)))
    }
  }
}
