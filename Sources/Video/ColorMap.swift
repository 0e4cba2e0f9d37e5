import CLibAV

/// Takes planes of a video's own matrix and range to those of `PixelFormat.yuv420p`: BT.601, limited range.
///
/// Between two matrices luma changes by what chroma gives, chroma by chroma alone; all of it is linear, so 4:2:0 stays 4:2:0.
/// With a video's a, b (blue, green, red from chroma, as libswscale has them for limited range) and the weights 0.299, 0.587,
/// 0.114 of BT.601's luma: the video's colour has there the luma L + 219/255 · d, d = 0.114·cbu·U − 0.587·(cgu·U + cgv·V) +
/// 0.299·crv·V, and the chroma (cbu·U − d) / cbu₆₀₁, (crv·V − d) / crv₆₀₁.
struct ColorMap: Equatable {
  /// Fixed point, 14 fraction bits: of what is above black and of chroma, for luma; of chroma, for chroma.
  private let luma: (y: Int32, u: Int32, v: Int32)
  private let blue: (u: Int32, v: Int32)
  private let red: (u: Int32, v: Int32)
  /// The luma of black.
  private let black: Int32

  /// - Returns: nil where nothing is to change: planes as they should be, or frames that libswscale made planes of.
  init?(of frame: UnsafeMutablePointer<AVFrame>) {
    guard clibav_has_luma(AVPixelFormat(rawValue: frame.pointee.format)) != 0 else { return nil }
    self.init(
      matrix: Int32(bitPattern: frame.pointee.colorspace.rawValue), isFullRange: clibav_is_full_range(frame) != 0)
  }

  /// - Parameter matrix: an `AVColorSpace`; one that libswscale does not know is BT.601.
  init?(matrix: Int32, isFullRange: Bool) {
    let own = Self.coefficients(matrix)
    let target = Self.coefficients(Int32(bitPattern: AVCOL_SPC_SMPTE170M.rawValue))
    guard own != target || isFullRange else { return nil }
    let lumaScale = isFullRange ? 219.0 / 255 : 1
    let chromaScale = isFullRange ? 224.0 / 255 : 1
    func fixed(_ value: Double) -> Int32 { Int32((value * Double(1 << 14)).rounded()) }
    let share = (u: 0.114 * own.blueU - 0.587 * own.greenU, v: 0.299 * own.redV - 0.587 * own.greenV)
    luma = (
      fixed(lumaScale), fixed(chromaScale * share.u * 219 / 255), fixed(chromaScale * share.v * 219 / 255)
    )
    blue = (
      fixed(chromaScale * (own.blueU - share.u) / target.blueU), fixed(-chromaScale * share.v / target.blueU)
    )
    red = (
      fixed(-chromaScale * share.u / target.redV), fixed(chromaScale * (own.redV - share.v) / target.redV)
    )
    black = isFullRange ? 0 : 16
  }

  static func == (a: ColorMap, b: ColorMap) -> Bool {
    a.luma == b.luma && a.blue == b.blue && a.red == b.red && a.black == b.black
  }

  /// What chroma adds to colours at limited range, positive all.
  private static func coefficients(_ matrix: Int32) -> (redV: Double, blueU: Double, greenU: Double, greenV: Double) {
    let table = sws_getCoefficients(matrix)!
    func value(_ place: Int) -> Double { Double(table[place]) / 65536 }
    return (value(0), value(1), value(2), value(3))
  }

  /// Changes a frame in place.
  ///
  /// - Parameters:
  ///   - planes: Y, (height, width), U and V, half of it; sides are even.
  ///   - stride: bytes between rows of each.
  func apply(
    to planes: (y: UnsafeMutablePointer<UInt8>, u: UnsafeMutablePointer<UInt8>, v: UnsafeMutablePointer<UInt8>),
    stride: Int, height: Int, width: Int
  ) {
    for row in 0..<height / 2 {
      let (us, vs) = (planes.u + row * stride, planes.v + row * stride)
      let lines = (planes.y + 2 * row * stride, planes.y + (2 * row + 1) * stride)
      for x in 0..<width / 2 {
        let (u, v) = (Int32(us[x]) - 128, Int32(vs[x]) - 128)
        us[x] = byte(128, blue.u &* u &+ blue.v &* v)
        vs[x] = byte(128, red.u &* u &+ red.v &* v)
        let shift = luma.u &* u &+ luma.v &* v
        for line in [lines.0, lines.1] {
          line[2 * x] = byte(16, luma.y &* (Int32(line[2 * x]) - black) &+ shift)
          line[2 * x + 1] = byte(16, luma.y &* (Int32(line[2 * x + 1]) - black) &+ shift)
        }
      }
    }
  }

  private func byte(_ base: Int32, _ value: Int32) -> UInt8 {
    UInt8(max(0, min(255, base &+ ((value &+ 1 << 13) >> 14))))
  }
}
