import Foundation
import Tensors
import Testing
import Video

/// Random windows equal linear decode bit for bit, whatever the container, codec and structure of the file.
struct ExactnessTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var container = "mp4"
    var codec = "libx264"
    var width = 64
    var height = 48
    var frames = 70
    var rate = (num: 25, den: 1)
    var ticks = [1]
    /// Frames at the start that the container says not to show.
    var hidden = 0
    var access = FrameAccess.table
    var configure: @Sendable (inout VideoWriterOptions) -> Void = { _ in }

    var testDescription: String { name }
  }

  static let cases: [Case] = {
    var cases: [Case] = []
    for container in ["mp4", "mkv", "mov", "ts", "avi", "flv"] {
      let access: FrameAccess = ["avi": .linear, "flv": .probe][container] ?? .table
      cases.append(Case(name: "h264 gop 12, \(container)", container: container, access: access))
      cases.append(
        Case(name: "h264 B-pyramid, \(container)", container: container, access: access) { options in
          options.bFrames = 4
          options.extraParameters = "b-pyramid=normal:b-adapt=0"
        })
      cases.append(
        Case(name: "h264 open gop, \(container)", container: container, access: access) { options in
          options.bFrames = 3
          options.extraParameters = "open-gop=1:b-adapt=0"
        })
    }
    cases += [
      Case(name: "h264 gop 1") { $0.gop = 1 },
      Case(name: "h264 one gop", frames: 120) { $0.gop = 250 },
      Case(name: "h264 intra refresh, mkv", container: "mkv") { $0.extraParameters = "intra-refresh=1" },
      Case(name: "h264 intra refresh, ts", container: "ts") { $0.extraParameters = "intra-refresh=1" },
      Case(name: "h264 10 bit") { $0.pixelFormat = "yuv420p10le" },
      Case(name: "h264 4:2:2 10 bit, mkv", container: "mkv") { $0.pixelFormat = "yuv422p10le" },
      Case(name: "h264 4:4:4 odd size", width: 61, height: 47) { $0.pixelFormat = "yuv444p" },
      Case(name: "h264 29.97", rate: (30000, 1001)),
      Case(name: "h264 VFR, mp4", rate: (1000, 1), ticks: [33, 34, 120, 7, 40]),
      Case(name: "h264 VFR, mkv", container: "mkv", rate: (1000, 1), ticks: [33, 34, 120, 7, 40]),
      Case(name: "h264 VFR, avi", container: "avi", ticks: [1, 3, 1, 2], access: .linear),
      Case(name: "h264 BT.709 full range") {
        $0.colorMatrix = .bt709
        $0.isFullRange = true
      },
      Case(name: "h264 with audio, mkv", container: "mkv") { $0.hasSilentAudio = true },
      Case(name: "h264 with audio, avi", container: "avi", access: .linear) { $0.hasSilentAudio = true },
      Case(name: "h264 with audio, mov", container: "mov") { $0.hasSilentAudio = true },
      Case(name: "one frame", frames: 1),
      Case(name: "mpeg4, avi", container: "avi", codec: "mpeg4", width: 63, height: 47),
      Case(name: "mpeg4 B-frames, avi", container: "avi", codec: "mpeg4", access: .linear) { $0.bFrames = 2 },
      Case(name: "mpeg4 B-frames, mp4", codec: "mpeg4", width: 50, height: 34) { $0.bFrames = 2 },
      Case(name: "mpeg2, ts", container: "ts", codec: "mpeg2video") { $0.bFrames = 2 },
      Case(name: "mpeg2, mpg", container: "mpg", codec: "mpeg2video", access: .linear) { $0.bFrames = 2 },
      Case(name: "mpeg2, mkv", container: "mkv", codec: "mpeg2video") { $0.bFrames = 2 },
      Case(name: "mjpeg, avi", container: "avi", codec: "mjpeg", width: 61, height: 45) {
        $0.pixelFormat = "yuvj422p"
        $0.crf = 3
      },
      Case(name: "mjpeg, mov", container: "mov", codec: "mjpeg") { $0.pixelFormat = "yuvj420p" },
      Case(name: "vp9, webm", container: "webm", codec: "libvpx-vp9", width: 65, height: 49, frames: 40),
      Case(name: "vp8, webm", container: "webm", codec: "libvpx", frames: 40) {
        $0.codecOptions = [("auto-alt-ref", "1"), ("lag-in-frames", "16")]
      },
      Case(name: "theora, ogv", container: "ogv", codec: "libtheora"),
      Case(name: "hevc, mp4", codec: "libx265", frames: 40),
      Case(name: "hevc open gop, mkv", container: "mkv", codec: "libx265", frames: 60) {
        $0.bFrames = 3
        $0.extraParameters = "open-gop=1:b-adapt=0:min-keyint=12"
      },
      Case(name: "hevc, ts", container: "ts", codec: "libx265", frames: 40, access: .probe),
      Case(name: "ffv1, mkv", container: "mkv", codec: "ffv1", width: 33, height: 21) { $0.pixelFormat = "bgr0" },
    ]
    return cases
  }()

  @Test(arguments: cases + matrix)
  func randomWindowsEqualLinearDecode(_ test: Case) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("video.\(test.container)")
    try TestVideo.write(
      to: path, frames: test.frames, width: test.width, height: test.height, rate: test.rate, ticks: test.ticks
    ) { options in
      options.codec = test.codec
      test.configure(&options)
    }
    let coded = try LinearDecode.frames(of: path)
    let degrees = VideoWriterOptions(test.configure).rotationDegrees
    let reference = coded.map { turned($0, quarters: degrees / 90) }
    let decoder = try VideoDecoder(path: path)
    let finding = try VideoProbe.index(path: path)
    #expect(finding.info == decoder.info && finding.access == test.access)
    #expect(decoder.info.frameCount == reference.count)
    #expect(reference.count == test.frames - test.hidden)
    let (long, short) = (max(test.width, test.height), min(test.width, test.height))
    let isUpright = degrees % 180 == 0
    #expect(decoder.info.width == (isUpright ? long : short) && decoder.info.height == (isUpright ? short : long))
    var random = SplitMix64(state: 7)
    for trial in 0..<20 {
      let start = Int.random(in: 0..<reference.count, using: &random)
      let stride = Int.random(in: 1...6, using: &random)
      var indices = Window.indices(start: start, count: 5, stride: Double(stride), frameCount: reference.count)
      if trial % 4 == 3 { indices.shuffle(using: &random) }
      let clip = try decoder.frames(at: indices, size: .native)
      for (place, index) in indices.enumerated() {
        #expect(clip.height == reference[index].height && clip.width == reference[index].width)
        #expect(clip.frame(place).elementsEqual(reference[index].rgb), "frame \(index) of window \(indices)")
      }
      let tabled = try VideoDecoder(path: path, indexed: finding.indexed(for: indices))
      let again = try tabled.frames(at: indices, size: .native)
      #expect(again.buffer.bytes.elementsEqual(clip.buffer.bytes), "by the packet table, window \(indices)")
      // Gradual refresh and open GOPs may need more before the keyframe than a lease holds: the file is then read through.
      let mayNeedMore = test.name.contains("refresh") || test.name.contains("h264 open gop")
      #expect(tabled.usesTable == (test.access == .table) || mayNeedMore, "window \(indices)")
    }
  }

  /// The image turned clockwise.
  private func turned(
    _ image: (height: Int, width: Int, rgb: [UInt8]), quarters: Int
  ) -> (height: Int, width: Int, rgb: [UInt8]) {
    guard quarters > 0 else { return image }
    var rgb: [UInt8] = []
    for x in 0..<image.width {
      for y in (0..<image.height).reversed() {
        rgb += image.rgb[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3]
      }
    }
    return turned((image.width, image.height, rgb), quarters: quarters - 1)
  }
}

extension VideoWriterOptions {
  fileprivate init(_ configure: (inout VideoWriterOptions) -> Void) {
    self.init()
    configure(&self)
  }
}
