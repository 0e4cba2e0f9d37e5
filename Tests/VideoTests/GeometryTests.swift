import Foundation
import Tensors
import Testing
import Video

struct GeometryTests {
  /// Colours of the four corners, clockwise from the top left, of a frame without compression artefacts to speak of.
  private func corners(_ clip: FrameTensor) -> [String] {
    let (right, bottom) = (clip.width - 3, clip.height - 3)
    return [(2, 2), (right, 2), (right, bottom), (2, bottom)].map { x, y in
      let at = (y * clip.width + x) * 3
      let pixel = withExtendedLifetime(clip) { (0..<3).map { clip.frame(0)[at + $0] > 128 } }
      switch pixel {
      case [true, false, false]: return "red"
      case [false, true, false]: return "green"
      case [false, false, true]: return "blue"
      case [true, true, true]: return "white"
      default: return "?"
      }
    }
  }

  /// Turned clockwise by d/90 steps, the corner that was top left is found d/90 places on.
  @Test(arguments: [0, 90, 180, 270], ["mp4", "mov"])
  func rotationIsApplied(degrees: Int, container: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("turned.\(container)")
    var options = VideoWriterOptions()
    options.rotationDegrees = degrees
    options.crf = 10
    let (width, height) = (64, 32)
    var rgb = [UInt8](repeating: 0, count: width * height * 3)
    for y in 0..<height {
      for x in 0..<width {
        let isRight = x >= width / 2
        let isLow = y >= height / 2
        let color: [UInt8] =
          isLow ? (isRight ? [0, 0, 255] : [255, 255, 255]) : (isRight ? [0, 255, 0] : [255, 0, 0])
        rgb.replaceSubrange((y * width + x) * 3..<(y * width + x) * 3 + 3, with: color)
      }
    }
    let writer = try VideoWriter(
      path: path, width: width, height: height, framesPerSecond: (25, 1), options: options)
    for _ in 0..<3 { try rgb.withUnsafeBytes { bytes in try writer.append(rgb: bytes) } }
    try writer.finish()
    let decoder = try VideoDecoder(path: path)
    let isTurned = degrees % 180 != 0
    #expect(decoder.info.width == (isTurned ? height : width))
    #expect(decoder.info.height == (isTurned ? width : height))
    let upright = ["red", "green", "blue", "white"]
    let shift = (4 - degrees / 90) % 4
    let expected = Array(upright[shift...] + upright[..<shift])
    for size in [FrameSize.native, .exact(height: 40, width: 40), .shortEdge(20)] {
      for format in PixelFormat.allCases {
        let clip = try decoder.frames(at: [1], size: size, format: format)
        #expect(corners(clip.rgb()) == expected, "\(size) \(format)")
      }
    }
    let clip = try decoder.frames(at: [0], size: .shortEdge(16))
    #expect(min(clip.height, clip.width) == 16 && max(clip.height, clip.width) == 32)
    #expect((clip.height > clip.width) == isTurned)
  }

  @Test func sizesAreAsAsked() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mkv")
    try TestVideo.write(to: path, frames: 2, width: 100, height: 62)
    let decoder = try VideoDecoder(path: path)
    let cases: [(FrameSize, height: Int, width: Int)] = [
      (.native, 62, 100), (.exact(height: 128, width: 171), 128, 171), (.exact(height: 1, width: 1), 1, 1),
      (.shortEdge(128), 128, 206), (.shortEdge(31), 31, 50),
    ]
    for (size, height, width) in cases {
      let clip = try decoder.frames(at: [1, 0], size: size)
      #expect(clip.frames == 2 && clip.height == height && clip.width == width, "\(size)")
      #expect(clip.buffer.byteCount == 2 * height * width * 3)
    }
  }

  /// Scaling in the decoder does not depend on which frames are asked for together.
  @Test func scalingIsAFunctionOfTheFrame() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 30)
    let together = try VideoDecoder(path: path).frames(at: [3, 17, 22], size: .exact(height: 33, width: 45))
    for (place, index) in [3, 17, 22].enumerated() {
      let alone = try VideoDecoder(path: path).frames(at: [index], size: .exact(height: 33, width: 45))
      withExtendedLifetime((alone, together)) {
        #expect(alone.frame(0).elementsEqual(together.frame(place)))
      }
    }
  }

  @Test func windowsLoop() {
    #expect(Window.indices(start: 3, count: 4, stride: 2, frameCount: 20) == [3, 5, 7, 9])
    #expect(Window.indices(start: 0, count: 8, stride: 1, frameCount: 3) == [0, 1, 2, 0, 1, 2, 0, 1])
    #expect(Window.indices(start: 0, count: 3, stride: 5, frameCount: 1) == [0, 0, 0])
  }

  @Test func uniformClips() {
    #expect(
      uniformClipStarts(clips: 10, frames: 8, stride: 2, frameCount: 100) == [0, 9, 18, 28, 37, 47, 56, 66, 75, 85])
    #expect(uniformClipStarts(clips: 1, frames: 8, stride: 1, frameCount: 100) == [0])
    #expect(uniformClipStarts(clips: 3, frames: 8, stride: 1, frameCount: 5) == [0, 0, 0])
    #expect(uniformClipStarts(clips: 2, frames: 8, stride: 1, frameCount: 8) == [0, 0])
  }

  @Test func timeToFrame() throws {
    let folder = try TemporaryFolder()
    let constant = folder.path("a.mp4")
    try TestVideo.write(to: constant, frames: 50)
    let decoder = try VideoDecoder(path: constant)
    let times = [(-1.0, 0), (0, 0), (0.039, 0), (0.04, 1), (0.12, 3), (1.99, 49), (100, 49)]
    for (seconds, frame) in times { #expect(decoder.frameIndex(atSeconds: seconds) == frame, "\(seconds)") }
    let variable = folder.path("b.mkv")
    try TestVideo.write(to: variable, frames: 4, rate: (1000, 1), ticks: [10, 500, 20])
    let other = try VideoDecoder(path: variable)
    for (seconds, frame) in [(0.009, 0), (0.01, 1), (0.5, 1), (0.51, 2), (0.53, 3)] {
      #expect(other.frameIndex(atSeconds: seconds) == frame, "\(seconds)")
    }
  }
}
