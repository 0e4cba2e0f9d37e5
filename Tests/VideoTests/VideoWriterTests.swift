import Foundation
import Tensors
import Testing
import Video

struct VideoWriterTests {
  @Test(arguments: ["mp4", "mkv", "avi", "mov", "ts"])
  func sameFramesGiveTheSameBytes(container: String) throws {
    let folder = try TemporaryFolder()
    var files: [Data] = []
    for name in ["a", "b"] {
      let path = folder.path("\(name).\(container)")
      try TestVideo.write(to: path)
      files.append(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    #expect(files[0].count > 1000)
    #expect(files[0] == files[1])
  }

  @Test func planesAreKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("planes.mkv")
    var options = VideoWriterOptions()
    options.codec = "ffv1"
    options.pixelFormat = "yuv420p"
    let writer = try VideoWriter(path: path, width: 6, height: 4, framesPerSecond: (10, 1), options: options)
    let (luma, chroma) = ([UInt8](repeating: 235, count: 24), [UInt8](repeating: 128, count: 6))
    try luma.withUnsafeBytes { y in
      try chroma.withUnsafeBytes { uv in
        try writer.append(y: y, u: uv, v: uv)
        #expect(throws: VideoError.self) { try writer.append(y: uv, u: uv, v: uv) }
      }
    }
    try writer.finish()
    let clip = try VideoDecoder(path: path).frames(at: [0], size: .native)
    withExtendedLifetime(clip) { #expect(clip.buffer.bytes.allSatisfy { $0 >= 254 }) }
  }

  @Test func impossibleFilesAreErrors() throws {
    let folder = try TemporaryFolder()
    func code(_ name: String, _ width: Int = 64, _ change: (inout VideoWriterOptions) -> Void = { _ in })
      -> VideoError.Code?
    {
      var options = VideoWriterOptions()
      change(&options)
      do {
        let path = folder.path(name)
        _ = try VideoWriter(path: path, width: width, height: 48, framesPerSecond: (25, 1), options: options)
        return nil
      } catch {
        #expect(!error.message.isEmpty)
        return error.code
      }
    }
    #expect(code("a.mp4") == nil)
    #expect(code("a.unheard") == .encode)
    #expect(code("a.mp4", 63) == .encode)
    #expect(code("a.mp4", 0) == .encode)
    #expect(code("a.mp4") { $0.codec = "none" } == .encode)
    #expect(code("a.mp4") { $0.pixelFormat = "none" } == .encode)
    #expect(code("a.mp4") { $0.codecOptions = [("no-such-option", "1")] } == .encode)
    #expect(code("missing/a.mp4") == .notFound)
  }

  /// libx265 wrote past its arrays at 34 to 48 pixels, which the system's allocator then noticed.
  @Test func writesNarrowHEVC() throws {
    let folder = try TemporaryFolder()
    for width in stride(from: 16, through: 64, by: 2) {
      let path = folder.path("\(width).mkv")
      try TestVideo.write(to: path, frames: 40, width: width, height: 64) { $0.codec = "libx265" }
      #expect(try VideoProbe.probe(path: path).frameCount == 40)
    }
  }
}
