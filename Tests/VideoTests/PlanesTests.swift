import CLibAV
import Foundation
import Tensors
import Testing
import Video

/// Frames as planes: of any source, near what RGB gives, and cut and mirrored as RGB is.
struct PlanesTests {
  /// PSNR of two RGB tensors, but for a twentieth at the right and lower edge: there libswscale, by which these videos are
  /// written, takes the chroma of odd sizes from outside of the frame.
  private func decibels(_ a: FrameTensor, _ b: FrameTensor) -> Double {
    withExtendedLifetime((a, b)) {
      var (error, count) = (0.0, 0)
      for place in a.buffer.bytes.indices {
        let (x, y) = (place / 3 % a.width, place / 3 / a.width % a.height)
        guard x < a.width * 19 / 20 - 1, y < a.height * 19 / 20 - 1 else { continue }
        error += pow(Double(a.buffer.bytes[place]) - Double(b.buffer.bytes[place]), 2)
        count += 1
      }
      return 10 * log10(255 * 255 * Double(count) / max(error, 1e-9))
    }
  }

  /// Strong colours that change slowly: a wrong matrix or range costs much, chroma of half the size little.
  private func write(
    _ path: String, width: Int, height: Int, configure: (inout VideoWriterOptions) -> Void
  ) throws {
    var options = VideoWriterOptions()
    options.crf = 8
    configure(&options)
    let writer = try VideoWriter(path: path, width: width, height: height, framesPerSecond: (25, 1), options: options)
    let colours: [[Double]] = [[190, 60, 70], [70, 190, 80], [60, 80, 210]]
    for colour in colours {
      var rgb: [UInt8] = []
      for y in 0..<height {
        for x in 0..<width {
          let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
          let change = [30 * u, 30 * v, 15 * sin(4 * (u + v))]
          for channel in 0..<3 { rgb.append(UInt8(colour[channel] + change[channel])) }
        }
      }
      try rgb.withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
  }

  struct Source: Sendable, CustomTestStringConvertible {
    var format = "yuv420p"
    var codec = "libx264"
    var container = "mkv"
    var width = 96
    var height = 64
    var matrix = VideoWriterOptions().colorMatrix
    var isFull = false
    var testDescription: String { "\(codec) \(format) \(width)x\(height) \(matrix) full \(isFull)" }
  }

  static let sources: [Source] = [
    Source(), Source(isFull: true), Source(matrix: .bt709), Source(matrix: .bt709, isFull: true),
    Source(format: "yuv420p10le"), Source(format: "yuv420p10le", matrix: .bt709, isFull: true),
    Source(format: "yuv422p"), Source(format: "yuv422p10le"), Source(format: "yuv444p", width: 95, height: 63),
    Source(format: "yuv444p10le", matrix: .bt709), Source(format: "gray"), Source(format: "gray10le"),
    Source(format: "yuvj422p", codec: "mjpeg", container: "avi", width: 93, height: 61, isFull: true),
    Source(format: "bgr0", codec: "ffv1", width: 95, height: 63),
    Source(format: "yuv420p", codec: "libvpx-vp9", container: "webm", width: 95, height: 63),
  ]

  @Test(arguments: sources) func anySourceIsNearItsRGB(_ source: Source) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("video.\(source.container)")
    try write(path, width: source.width, height: source.height) { options in
      options.codec = source.codec
      options.pixelFormat = source.format
      options.colorMatrix = source.matrix
      options.isFullRange = source.isFull
      if source.codec == "mjpeg" { options.crf = 3 }
    }
    let decoder = try VideoDecoder(path: path)
    let (height, width) = (source.height / 2 * 2, source.width / 2 * 2)
    let sizes: [(FrameSize, height: Int, width: Int)] = [
      (.native, height, width), (.exact(height: 41, width: 55), 40, 54), (.exact(height: 128, width: 171), 128, 170),
      (.shortEdge(33), 32, (source.width * 33 + source.height / 2) / source.height / 2 * 2),
    ]
    for (size, height, width) in sizes {
      let planes = try decoder.frames(at: [0, 2], size: size, format: .yuv420p)
      #expect(planes.format == .yuv420p && planes.frames == 2 && planes.height == height && planes.width == width)
      #expect(planes.dimensions == [2, height * 3 / 2, width])
      let rgb = try decoder.frames(at: [0, 2], size: .exact(height: height, width: width))
      let distance = decibels(planes.rgb(), rgb)
      #expect(distance > 42, "\(size): \(distance) dB")
    }
  }

  /// What is 4:2:0 of BT.601 and limited range already keeps its bytes.
  @Test func planesOfTheSameSizeAreTheVideosOwn() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("flat.mkv")
    var options = VideoWriterOptions()
    options.codec = "ffv1"
    let writer = try VideoWriter(path: path, width: 32, height: 16, framesPerSecond: (25, 1), options: options)
    let red = (0..<32 * 16).flatMap { _ in [254, 0, 0] as [UInt8] }
    try red.withUnsafeBytes { try writer.append(rgb: $0) }
    try writer.finish()
    let frames = try VideoDecoder(path: path).frames(at: [0], size: .native, format: .yuv420p)
    let expected = [(81, 512), (90, 128), (240, 128)].flatMap { Array(repeating: UInt8($0.0), count: $0.1) }
    withExtendedLifetime(frames) { #expect(frames.frame(0).elementsEqual(expected)) }
  }

  @Test(arguments: [(6, 4, 8), (0, 0, 16), (0, 14, 10), (2, 2, 2)], [false, true])
  func planesAreCutAndMirroredAsRGBIs(place: (top: Int, left: Int, side: Int), mirror: Bool) {
    let planes = FrameTensor(frames: 4, height: 16, width: 24, format: .yuv420p)
    var random = SplitMix64(state: 3)
    for index in planes.buffer.bytes.indices { planes.buffer.bytes[index] = UInt8.random(in: 0...255, using: &random) }
    let cut = planes.cropped(frames: 1..<3, top: place.top, left: place.left, side: place.side, mirror: mirror)
    #expect(cut.format == .yuv420p && cut.dimensions == [2, place.side * 3 / 2, place.side])
    // A pixel at a time, of the whole frames' RGB.
    let (whole, part) = (planes.rgb(), cut.rgb())
    let whole2 = whole.cropped(frames: 1..<3, top: place.top, left: place.left, side: place.side, mirror: mirror)
    withExtendedLifetime((whole, part, whole2)) {
      #expect(part.buffer.bytes.elementsEqual(whole2.buffer.bytes))
      for frame in 0..<2 {
        for y in 0..<place.side {
          for x in 0..<place.side {
            let column = place.left + (mirror ? place.side - 1 - x : x)
            let from = ((place.top + y) * 24 + column) * 3
            let to = (y * place.side + x) * 3
            #expect(part.frame(frame)[to..<to + 3].elementsEqual(whole.frame(frame + 1)[from..<from + 3]))
          }
        }
      }
    }
  }

  /// As RGB by `ScalingTests`: the same bits whatever the buffer.
  @Test(arguments: [AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV444P], [(340, 256), (61, 47)])
  func planesDoNotDependOnTheBuffer(format: AVPixelFormat, source: (Int, Int)) throws {
    var made: UnsafeMutablePointer<AVFrame>? = try ScalingTests().frame(format, width: source.0, height: source.1)
    defer { av_frame_free(&made) }
    let frame = made!
    for (width, height) in [(170, 128), (32, 20), (340, 256)] {
      let scaler = try #require(
        clibav_make_plane_scaler(
          frame.pointee.width, frame.pointee.height, format, 0, Int32(width), Int32(height), ScalingTests.flags))
      defer { sws_freeContext(scaler) }
      func scaled(padding: Int, offset: Int) -> [UInt8] {
        let stride = width + padding
        let plane = stride * (height + 1) + 64
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: plane * 3 + offset, alignment: 64)
        defer { memory.deallocate() }
        let base = memory.baseAddress!.assumingMemoryBound(to: UInt8.self) + offset
        #expect(clibav_scale(scaler, frame, base, Int32(stride), plane) == Int32(height))
        return [(0, 1), (plane, 2), (2 * plane, 2)].flatMap { start, divisor in
          (0..<height / divisor).flatMap { row in (0..<width / divisor).map { base[start + row * stride + $0] } }
        }
      }
      let expected = scaled(padding: 64 - width % 64, offset: 0)
      for (padding, offset) in [(0, 0), (1, 1), (37, 16), (13, 7)] {
        #expect(scaled(padding: padding, offset: offset) == expected, "\(width)x\(height): \(padding), \(offset)")
      }
    }
  }
}
