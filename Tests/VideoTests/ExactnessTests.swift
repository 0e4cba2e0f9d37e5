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
    /// Frames that an edit list takes away at the start.
    var cutFrames = 0
    var rate = (num: 25, den: 1)
    var ticks = [1]
    var access = FrameAccess.table
    var rotationDegrees = 0
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
      Case(name: "h264 gop 30, mp4", frames: 100) { $0.gop = 30 },
      Case(name: "h264 gop 30, ts", container: "ts", frames: 100) { $0.gop = 30 },
      Case(name: "h264 gop 250, mkv", container: "mkv", frames: 300) { $0.gop = 250 },
      Case(name: "h264 gop 250, mp4", frames: 300) { $0.gop = 250 },
      Case(name: "h264 one gop", frames: 120) { $0.gop = 250 },
      Case(name: "h264 intra refresh, mkv", container: "mkv") { $0.extraParameters = "intra-refresh=1" },
      Case(name: "h264 intra refresh, ts", container: "ts") { $0.extraParameters = "intra-refresh=1" },
      Case(name: "h264 10 bit") { $0.pixelFormat = "yuv420p10le" },
      Case(name: "h264 4:2:2 10 bit, mkv", container: "mkv") { $0.pixelFormat = "yuv422p10le" },
      Case(name: "h264 4:4:4 odd size", width: 61, height: 47) { $0.pixelFormat = "yuv444p" },
      Case(name: "h264 23.976, mp4", rate: (24000, 1001)),
      Case(name: "h264 23.976, mkv", container: "mkv", rate: (24000, 1001)),
      Case(name: "h264 29.97", rate: (30000, 1001)),
      Case(name: "h264 60, ts", container: "ts", rate: (60, 1)),
      Case(name: "h264 60, mov", container: "mov", rate: (60, 1)),
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
      Case(name: "h264 rotated by 90, mp4", width: 62, height: 38, rotationDegrees: 90),
      Case(name: "h264 rotated by 180, mov", container: "mov", rotationDegrees: 180),
      Case(name: "h264 rotated by 270, mp4", width: 62, height: 38, rotationDegrees: 270),
      Case(name: "edit list that cuts 7 frames, mp4", cutFrames: 7) { $0.firstTick = -7 },
      Case(name: "edit list that cuts 15 frames, mov", container: "mov", cutFrames: 15) { $0.firstTick = -15 },
      Case(name: "edit list that begins late, mp4") { $0.firstTick = 9 },
      Case(name: "negative pts without edit list, mp4", access: .probe) {
        $0.firstTick = -7
        $0.muxerOptions = [("use_editlist", "0"), ("avoid_negative_ts", "disabled")]
      },
      Case(name: "negative pts, mkv", container: "mkv", access: .linear) {
        $0.firstTick = -7
        $0.muxerOptions = [("avoid_negative_ts", "disabled")]
      },
      Case(name: "negative pts, ts", container: "ts") {
        $0.firstTick = -60
        $0.muxerOptions = [("avoid_negative_ts", "disabled"), ("mpegts_copyts", "1")]
      },
      Case(name: "negative dts, mp4") { $0.muxerOptions = [("movflags", "negative_cts_offsets")] },
      Case(name: "late start, mkv", container: "mkv") { $0.firstTick = 1000 },
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

  @Test(arguments: cases)
  func randomWindowsEqualLinearDecode(_ test: Case) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("video.\(test.container)")
    try TestVideo.write(
      to: path, frames: test.frames, width: test.width, height: test.height, rate: test.rate, ticks: test.ticks
    ) { options in
      options.codec = test.codec
      options.rotationDegrees = test.rotationDegrees
      test.configure(&options)
    }
    let reference = try LinearDecode.frames(of: path).map { turn($0, by: test.rotationDegrees) }
    let decoder = try VideoDecoder(path: path)
    let finding = try VideoProbe.index(path: path)
    #expect(finding.info == decoder.info && finding.access == test.access)
    #expect(decoder.info.frameCount == reference.count)
    #expect(reference.count == test.frames - test.cutFrames)
    #expect(decoder.info.width == reference[0].width && decoder.info.height == reference[0].height)
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

  /// A frame turned clockwise by a multiple of 90 degrees.
  private func turn(
    _ frame: (height: Int, width: Int, rgb: [UInt8]), by degrees: Int
  ) -> (height: Int, width: Int, rgb: [UInt8]) {
    guard degrees > 0 else { return frame }
    var rgb: [UInt8] = []
    for y in 0..<frame.width {
      for x in 0..<frame.height {
        let at = ((frame.height - 1 - x) * frame.width + y) * 3
        rgb += frame.rgb[at..<at + 3]
      }
    }
    return turn((frame.width, frame.height, rgb), by: degrees - 90)
  }
}
