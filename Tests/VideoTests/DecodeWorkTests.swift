import Foundation
import Tensors
import Testing
import Video

/// How much is decoded for a window.
struct DecodeWorkTests {
  @Test func decodesFromTheKeyframeOnly() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 120) { options in
      options.gop = 20
      options.extraParameters = "scenecut=0"
    }
    let decoder = try VideoDecoder(path: path)
    _ = try decoder.frames(at: [103, 104], size: .native)
    #expect((2...8).contains(decoder.statistics.framesDecoded))
    #expect(decoder.statistics.seeks == 1, "frame \(index) \(decoder.statistics)")
    let before = decoder.statistics
    // Two far windows in one call: each from its own keyframe.
    _ = try decoder.frames(at: [101, 2], size: .native)
    #expect(decoder.statistics.framesDecoded - before.framesDecoded <= 16)
  }

  /// Frames before the window that nothing refers to are not decoded, and that changes no pixel; HEVC decodes them all.
  @Test(arguments: ["libx264", "mpeg2video", "mpeg4", "libx265"])
  func skipsWhatNothingRefersTo(codec: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mkv")
    try TestVideo.write(to: path, frames: 90) { options in
      options.codec = codec
      options.gop = 90
      options.bFrames = 2
      if codec.hasPrefix("libx26") { options.extraParameters = "scenecut=0:b-adapt=0" }
    }
    let reference = try LinearDecode.frames(of: path)
    for start in 80...84 {
      let decoder = try VideoDecoder(path: path)
      let indices = [start, start + 2, start + 4]
      let clip = try decoder.frames(at: indices, size: .native)
      for (place, index) in indices.enumerated() {
        #expect(clip.frame(place).elementsEqual(reference[index].rgb), "frame \(index)")
      }
      let most = codec == "libx265" ? 90 : 72
      let least = codec == "libx265" ? start : 20
      #expect((least...most).contains(decoder.statistics.framesDecoded), "\(decoder.statistics)")
    }
  }

  /// A picture that leads an open GOP is decoded from the keyframe before, at the first attempt.
  @Test func leadingPicturesStartOneKeyframeBack() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mkv")
    try TestVideo.write(to: path, frames: 60) { options in
      options.bFrames = 3
      options.extraParameters = "open-gop=1:b-adapt=0:scenecut=0"
    }
    let reference = try LinearDecode.frames(of: path)
    // Keyframes are frames 0, 12, 24…; each is sent before the three pictures that precede it.
    for index in [9, 10, 11, 21, 22, 23, 33, 45, 46, 57] {
      let decoder = try VideoDecoder(path: path)
      let frame = try decoder.frames(at: [index], size: .native)
      withExtendedLifetime(frame) { #expect(frame.frame(0).elementsEqual(reference[index].rgb)) }
      #expect(decoder.statistics.seeks == 1, "frame \(index)")
      if index < 57 { #expect(decoder.statistics.framesDecoded > 4, "frame \(index)") }
    }
  }

  @Test func intraOnlyFilesDecodeOnlyWhatIsKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mov")
    try TestVideo.write(to: path, frames: 60) { options in
      options.codec = "mjpeg"
      options.pixelFormat = "yuvj420p"
    }
    let benchmark = try DecodeBenchmark(files: [path], frames: 4, stride: 5, clips: 6, seed: 3)
    let result = try benchmark.run()
    #expect(result.framesDecodedPerClip == 4)
    let given = try DecodeBenchmark(files: [path], frames: 2, stride: 1, clips: 3, seed: 3, starts: [0, 58]).run()
    #expect(given.framesDecodedPerClip == 2)
    #expect(throws: VideoError.self) {
      try DecodeBenchmark(files: [path], frames: 2, stride: 1, clips: 3, seed: 3, starts: [-1])
    }
    #expect(throws: VideoError.self) {
      try DecodeBenchmark(files: [path], frames: 2, stride: 1, clips: 3, seed: 3, starts: [59]).run()
    }
    #expect(throws: VideoError.self) { try DecodeBenchmark(files: [path], frames: 2, stride: 1, clips: .max, seed: 3) }
    #expect(result.clipsPerSecond > 0 && result.clipsPerCPUSecond > 0)
    #expect(result.filesWithTable == 1)
    let cold = try DecodeBenchmark(files: [path], frames: 4, stride: 5, clips: 6, seed: 3, isCold: true).run()
    let uniform = try DecodeBenchmark(files: [path], frames: 4, stride: 5, clips: 7, seed: 3, uniform: 3).run()
    #expect(uniform.framesDecodedPerClip == 4)
    #expect(throws: VideoError.self) {
      try DecodeBenchmark(files: [path], frames: 4, stride: 5, clips: 2, seed: 3, uniform: 3)
    }
    #expect(cold.filesWithTable == 0 && cold.framesDecodedPerClip == 4)
    let keys = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(result)) as? [String: Double])
    #expect(
      Set(keys.keys) == ["clips_per_second", "clips_per_cpu_second", "frames_decoded_per_clip", "files_with_table"])
  }

  @Test func budgetsEndTheCall() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 60) { options in
      options.gop = 250
      options.extraParameters = "scenecut=0"
    }
    func code(_ budget: DecodeBudget, _ frame: Int) throws -> VideoError.Code? {
      do {
        _ = try VideoDecoder(path: path, budget: budget).frames(at: [frame], size: .native)
        return nil
      } catch {
        #expect(!error.isTransient)
        return error.code
      }
    }
    var budget = DecodeBudget.standard
    #expect(try code(budget, 59) == nil)
    budget.frames = 15
    #expect(try code(budget, 10) == nil)
    #expect(try code(budget, 59) == .budgetExceeded)
    budget = .standard
    budget.packets = 59
    #expect(try code(budget, 0) == .budgetExceeded)
    budget = .standard
    budget.bytes = 2000
    #expect(try code(budget, 0) == .budgetExceeded)
    budget = .standard
    budget.pixels = 64 * 48 * 20
    #expect(try code(budget, 59) == .budgetExceeded)
    budget = .standard
    budget.resultBytes = 64 * 48 * 3 - 1
    #expect(try code(budget, 0) == .budgetExceeded)
  }
}
