import Tensors
import Testing

@Suite("PixelFormat")
struct PixelFormatTests {
  @Test("sizes and dimensions belong together")
  func sizes() throws {
    for format in PixelFormat.allCases {
      for (height, width) in [(2, 2), (128, 170), (6, 4)] {
        let dimensions = format.dimensions(frames: 5, height: height, width: width)
        #expect(dimensions.reduce(1, *) == 5 * format.frameByteCount(height: height, width: width))
        let size = try #require(format.size(of: dimensions))
        #expect(size == (5, height, width))
      }
    }
    #expect(PixelFormat.yuv420p.dimensions(frames: 3, height: 4, width: 6) == [3, 6, 6])
    #expect([1, 2, 3, 170, 171].map(PixelFormat.yuv420p.side) == [2, 2, 2, 170, 170])
    #expect(PixelFormat.rgb24.side(171) == 171)
    for wrong in [[3, 6, 6, 3], [3, 7, 6], [3, 6, 5], [6, 6]] { #expect(PixelFormat.yuv420p.size(of: wrong) == nil) }
    for wrong in [[3, 6, 6, 1], [3, 6, 6]] { #expect(PixelFormat.rgb24.size(of: wrong) == nil) }
  }

  /// The formula as `docs/wire-format.md` has it, a pixel at a time.
  private func slow(_ planes: [UInt8], height: Int, width: Int) -> [UInt8] {
    var rgb: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let chroma = height * width + y / 2 * (width / 2) + x / 2
        let luma = 19077 * (Int(planes[y * width + x]) - 16)
        let (u, v) = (Int(planes[chroma]) - 128, Int(planes[chroma + height * width / 4]) - 128)
        for add in [26149 * v, -6419 * u - 13320 * v, 33050 * u] {
          rgb.append(UInt8(max(0, min(255, (luma + add + 8192) >> 14))))
        }
      }
    }
    return rgb
  }

  @Test("planes to RGB follow the formula", arguments: [(2, 2), (6, 10), (112, 112), (4, 256), (2, 514), (34, 258)])
  func conversion(height: Int, width: Int) {
    let (frames, own) = (3, height * width / 2 * 3)
    let planes = (0..<frames * own).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B9 >> 11) }
    var rgb = [UInt8](repeating: 0, count: frames * height * width * 3)
    planes.withUnsafeBytes { from in
      rgb.withUnsafeMutableBytes { to in
        PixelFormat.yuv420p.toRGB(from, count: frames, height: height, width: width, to: to)
      }
    }
    let expected = (0..<frames).flatMap { slow(Array(planes[$0 * own..<($0 + 1) * own]), height: height, width: width) }
    #expect(rgb == expected)
  }

  /// Colours whose planes are known: BT.601, limited range.
  @Test(
    "known colours",
    arguments: [
      ([16, 128, 128], [0, 0, 0]), ([235, 128, 128], [255, 255, 255]), ([81, 90, 240], [254, 0, 0]),
      ([145, 54, 34], [0, 255, 1]), ([41, 240, 110], [0, 0, 255]), ([126, 128, 128], [128, 128, 128]),
    ])
  func colours(yuv: [UInt8], rgb: [UInt8]) {
    let planes = [UInt8](repeating: yuv[0], count: 4) + yuv[1...]
    var pixels = [UInt8](repeating: 9, count: 12)
    planes.withUnsafeBytes { from in
      pixels.withUnsafeMutableBytes { PixelFormat.yuv420p.toRGB(from, count: 1, height: 2, width: 2, to: $0) }
    }
    #expect(pixels == Array(repeatElement(rgb, count: 4).joined()))
  }
}
