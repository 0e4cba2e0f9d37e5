import CLibAV
import Tensors

/// Scales decoded frames to RGB, turned as the display matrix says.
///
/// Every conversion in Sluice, of the decoder and of its tests, uses the same flags, and the matrix and range that the
/// frame itself names (unspecified: BT.601, limited range). Where the height changes it goes through planes of G, B and R, for
/// which libswscale has vector code: twice as fast as to packed RGB, and the same to 1 part in 255.
struct FrameConverter: ~Copyable {
  /// Bilinear, without the shortcuts that round differently from one code path to another.
  static let scalerFlags = SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT

  private struct Key: Equatable {
    var width: Int32
    var height: Int32
    var format: Int32
    var matrix: UInt32
    var isFullRange: Bool
    var outWidth: Int
    var outHeight: Int
  }

  private let path: String
  private let orientation: Orientation
  private var key: Key?
  private var scaler: ScalerHandle?
  private var memory: AlignedBuffer?

  init(path: String, orientation: Orientation) {
    self.path = path
    self.orientation = orientation
  }

  /// Writes `frame` to `out`, (height, width, 3), RGB.
  mutating func convert(
    _ frame: UnsafeMutablePointer<AVFrame>, to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) throws(VideoError) {
    let scaled = orientation.isTransposed ? (width: height, height: width) : (width: width, height: height)
    let isPlanar = scaled.height != Int(frame.pointee.height)
    let pixelBytes = isPlanar ? 1 : 3
    let stride = (scaled.width * pixelBytes + 63) / 64 * 64
    // One more row: vector code may write past the end of the last one.
    let planeBytes = stride * (scaled.height + 1)
    try prepare(
      frame, scaledWidth: scaled.width, scaledHeight: scaled.height, isPlanar: isPlanar,
      byteCount: isPlanar ? planeBytes * 3 : planeBytes)
    guard let memory, let handle = scaler?.pointer else { return }
    let base = memory.elements(UInt8.self).baseAddress!
    let status = clibav_scale(handle, frame, base, Int32(stride), isPlanar ? planeBytes : 0)
    guard status == Int32(scaled.height) else {
      throw VideoError(.unsupported, "\(path): cannot scale a frame to \(width)x\(height)")
    }
    let first = UnsafePointer(base)
    let channels = isPlanar ? [first + 2 * planeBytes, first, first + planeBytes] : [first, first + 1, first + 2]
    orientation.interleave(
      (channels[0], channels[1], channels[2]), pixelBytes: pixelBytes, stride: stride, to: out, height: height,
      width: width)
  }

  private mutating func prepare(
    _ frame: UnsafeMutablePointer<AVFrame>, scaledWidth: Int, scaledHeight: Int, isPlanar: Bool, byteCount: Int
  ) throws(VideoError) {
    let format = AVPixelFormat(rawValue: frame.pointee.format)
    let isFullRange = frame.pointee.color_range == AVCOL_RANGE_JPEG || clibav_is_jpeg_format(format) != 0
    let wanted = Key(
      width: frame.pointee.width, height: frame.pointee.height, format: frame.pointee.format,
      matrix: frame.pointee.colorspace.rawValue, isFullRange: isFullRange, outWidth: scaledWidth,
      outHeight: scaledHeight)
    if wanted == key { return }
    key = nil
    guard
      let made = clibav_make_scaler(
        wanted.width, wanted.height, format, Int32(wanted.matrix), isFullRange ? 1 : 0, Int32(scaledWidth),
        Int32(scaledHeight), isPlanar ? AV_PIX_FMT_GBRP : AV_PIX_FMT_RGB24, Int32(AVCOL_SPC_SMPTE170M.rawValue), 1,
        FrameConverter.scalerFlags)
    else {
      throw VideoError(
        .unsupported, "\(path): cannot scale \(wanted.width)x\(wanted.height) to \(scaledWidth)x\(scaledHeight)")
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
