import Foundation
import Tensors
import Testing
import Video

struct ImageTests {
  /// libav reads a PNG file as a video of one frame.
  @Test(arguments: [(1, 1), (7, 5), (64, 48), (640, 3)])
  func pngKeepsThePixels(width: Int, height: Int) throws {
    let folder = try TemporaryFolder()
    let rgb = TestVideo.frame(5, width: width, height: height)
    let png = try rgb.withUnsafeBytes { bytes in try PNG.encode(rgb: bytes, width: width, height: height) }
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    let path = try folder.write(png, to: "image.png")
    let image = try LinearDecode.frames(of: path)
    #expect(image.count == 1 && image[0].rgb == rgb)
  }

  @Test func pngRefusesOtherSizes() {
    let rgb = [UInt8](repeating: 0, count: 12)
    for (width, height) in [(2, 1), (0, 0), (-2, -2), (Int.max, 1)] {
      #expect(throws: VideoError.self) {
        try rgb.withUnsafeBytes { bytes in try PNG.encode(rgb: bytes, width: width, height: height) }
      }
    }
  }

  @Test func contactSheetHasARowAClip() {
    func clip(frames: Int, height: Int, width: Int, first: UInt8) -> FrameTensor {
      let buffer = AlignedBuffer(byteCount: frames * height * width * 3)
      for byte in 0..<buffer.byteCount { buffer.bytes[byte] = first + UInt8(byte / (height * width * 3)) }
      return FrameTensor(buffer: buffer, frames: frames, height: height, width: width)
    }
    let sheet = ContactSheet.compose(clips: [
      clip(frames: 3, height: 2, width: 4, first: 10), clip(frames: 2, height: 3, width: 4, first: 50),
    ])
    #expect(sheet.width == 12 && sheet.height == 5)
    func red(_ x: Int, _ y: Int) -> UInt8 { sheet.rgb.bytes[(y * sheet.width + x) * 3] }
    #expect([red(0, 0), red(4, 1), red(11, 0)] == [10, 11, 12])
    #expect([red(3, 2), red(4, 4), red(8, 3)] == [50, 51, 0])
    #expect(ContactSheet.compose(clips: []).rgb.byteCount == 0)
  }
}
