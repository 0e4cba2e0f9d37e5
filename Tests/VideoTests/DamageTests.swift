import Foundation
import Glibc
import Tensors
import Testing
import Video

/// Bad files end in an error value that names the file; what can be decoded is a function of file and window alone.
struct DamageTests {
  /// Pixels or verdict of one window.
  enum Outcome: Equatable {
    case pixels([UInt8])
    case failure(VideoError.Code)
  }

  static let windows = [[0, 1, 2, 3], [30, 32, 34, 36], [56, 57, 58, 59], [5, 25, 45], [29]]

  static func outcome(_ decoder: VideoDecoder, _ window: [Int]) -> Outcome {
    do {
      let clip = try decoder.frames(at: window, size: .exact(height: 24, width: 32))
      return withExtendedLifetime(clip) { .pixels(Array(clip.buffer.bytes)) }
    } catch {
      #expect(!error.isTransient && !error.message.isEmpty)
      return .failure(error.code)
    }
  }

  /// Outcomes of all windows; or the reason that the file does not open.
  static func outcomes(_ path: String) -> [Outcome] { MutationTests.Way(path).outcomes([0, 1, 2, 3, 4]) }

  /// What a cut leaves whole is decoded as before the cut.
  @Test(arguments: ["mkv", "ts"])
  func cutFilesKeepTheirWholeWindows(container: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.\(container)")
    try TestVideo.write(to: path)
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let sound = DamageTests.outcomes(path)
    let cut = try folder.write(Array(whole.prefix(whole.count * 7 / 10)), to: "cut.\(container)")
    let decoder = try VideoDecoder(path: cut)
    #expect(decoder.info.frameCount < 60)
    #expect(DamageTests.outcome(decoder, DamageTests.windows[0]) == sound[0])
    #expect(DamageTests.outcome(decoder, DamageTests.windows[4]) == sound[4])
    #expect(DamageTests.outcome(decoder, DamageTests.windows[2]) == .failure(.windowNotWhole))
  }

  @Test func whatIsNotVideoIsAnError() throws {
    let folder = try TemporaryFolder()
    func code(_ path: String) -> VideoError.Code? {
      do {
        _ = try VideoDecoder(path: path)
        return nil
      } catch {
        #expect(error.message.contains(path) && !error.isTransient)
        return error.code
      }
    }
    #expect(code(folder.path("missing.mp4")) == .notFound)
    #expect(code(folder.url.path) == .cannotOpen)
    #expect(code(try folder.write([], to: "empty.mp4")) == .cannotOpen)
    #expect(code(try folder.write(Array("not a video\n".utf8), to: "text.mp4")) == .cannotOpen)
    let noise = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) }
    #expect(code(try folder.write(noise, to: "noise.mkv")) != nil)
    let pipe = folder.path("pipe.mp4")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(code(pipe) == .cannotOpen)
  }

  /// A list of other files is not followed.
  @Test func playlistsAreRefused() throws {
    let folder = try TemporaryFolder()
    try TestVideo.write(to: folder.path("a.mp4"), frames: 3)
    let list = try folder.write(Array("ffconcat version 1.0\nfile a.mp4\n".utf8), to: "list.mp4")
    #expect(throws: VideoError.self) { try VideoProbe.probe(path: list) }
  }

  @Test func soundIsNotVideo() throws {
    let folder = try TemporaryFolder()
    func little(_ value: UInt32, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
    let format = little(1, 2) + little(1, 2) + little(8000, 4) + little(16000, 4) + little(2, 2) + little(16, 2)
    let body =
      Array("WAVEfmt ".utf8) + little(16, 4) + format + Array("data".utf8) + little(16000, 4)
      + [UInt8](repeating: 0, count: 16000)
    let path = try folder.write(Array("RIFF".utf8) + little(UInt32(body.count), 4) + body, to: "a.wav")
    let error = #expect(throws: VideoError.self) { try VideoProbe.probe(path: path) }
    #expect(error?.code == .noVideoStream)
  }

  @Test(arguments: ["mp4", "mkv", "avi"])
  func filesWithoutFramesAreErrors(container: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("none.\(container)")
    try TestVideo.write(to: path, frames: 0)
    let error = #expect(throws: VideoError.self) { try VideoDecoder(path: path) }
    #expect(error?.isTransient == false)
  }

  @Test func requestsOutsideTheFileAreErrors() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 5)
    let decoder = try VideoDecoder(path: path)
    for indices in [[5], [-1], [], [0, Int.max], [Int.min]] {
      let error = #expect(throws: VideoError.self) { try decoder.frames(at: indices, size: .native) }
      #expect(error?.code == .windowNotWhole)
    }
    let sizes = [
      FrameSize.exact(height: 0, width: 5), .exact(height: 4, width: -1), .exact(height: Int.max, width: 2),
      .shortEdge(0), .shortEdge(Int.max), .shortEdge(-3), .exact(height: 16384, width: 16384),
    ]
    for size in sizes {
      let window = [Int](repeating: 0, count: 16)
      #expect(throws: VideoError.self, "\(size)") { try decoder.frames(at: window, size: size) }
    }
  }

  /// Files are opened and fail many times in a worker's life: no descriptor may stay open.
  @Test func leavesNoDescriptorOpen() throws {
    let folder = try TemporaryFolder()
    let good = folder.path("a.mp4")
    try TestVideo.write(to: good, frames: 5)
    let text = try folder.write(Array("not a video\n".utf8), to: "text.mp4")
    for _ in 0..<50 {
      _ = try VideoDecoder(path: good).frames(at: [3], size: .native)
      #expect(throws: VideoError.self) { try VideoDecoder(path: text) }
    }
    // Other tests run in this process: only descriptors of this test's files count.
    let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { name in
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
    }
    #expect(!open.contains(good) && !open.contains(text))
  }
}
