import Foundation
import Glibc
import Tensors
import Testing
import Video

/// Videos in shards and on servers are the same videos.
struct LocationTests {
  @Test func textsSayWhereAVideoIs() {
    let member = VideoLocation.member(shard: "/a/b.tar", name: "c d.mp4", bytes: 512..<1024)
    #expect(member.text == "/a/b.tar#c d.mp4@512+512" && VideoLocation(member.text) == member)
    #expect(VideoLocation("https://host/a.mp4?x=1") == .url("https://host/a.mp4?x=1"))
    for path in ["a.mp4", "/a.tar", "a.tar#b.mp4", "a.tar#b.mp4@5", "a.tar#b.mp4@-5+6", "ftp://host/a.mp4", "a@1+2"] {
      #expect(VideoLocation(path) == .file(path))
    }
  }

  private func pixels(_ path: String, _ indexed: IndexedVideo? = nil) throws -> [UInt8] {
    let decoder = try VideoDecoder(path: path, indexed: indexed)
    let clip = try decoder.frames(at: [3, 17, 18, 40], size: .native)
    return withExtendedLifetime(clip) { Array(clip.buffer.bytes) }
  }

  @Test(arguments: ["mp4", "mkv", "ts", "avi"])
  func aMemberOfAShardDecodesAsTheFileDoes(container: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.\(container)")
    try TestVideo.write(to: path)
    let video = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // Other bytes around it, as in a shard.
    let before = [UInt8](repeating: 0x47, count: 5 * 512)
    let shard = try folder.write(before + video + [UInt8](repeating: 0x47, count: 1024), to: "s.tar")
    let member = VideoLocation.member(shard: shard, name: "a", bytes: before.count..<before.count + video.count).text
    #expect(try pixels(member) == pixels(path))
    let (own, alone) = (try VideoProbe.index(path: member), try VideoProbe.index(path: path))
    #expect(own.info == alone.info && own.access == alone.access)
    #expect(try pixels(member, own.indexed(for: [3, 17, 18, 40])) == pixels(path))

    let beyond = VideoLocation.member(shard: shard, name: "a", bytes: before.count..<1 << 40).text
    let error = #expect(throws: VideoError.self) { try VideoDecoder(path: beyond) }
    #expect(error?.isTransient == false && error?.message.contains("the shard ends at byte") == true)
    let gone = VideoLocation.member(shard: shard + "x.tar", name: "a", bytes: 0..<5).text
    #expect(#expect(throws: VideoError.self) { try VideoDecoder(path: gone) }?.code == .notFound)
  }
}

/// A real server, with ranges and with faults: scripts/python/serve_videos.py.
@Suite(.serialized) final class HTTPTests {
  private let folder: TemporaryFolder
  private let server = Process()
  private let input = Pipe()
  private let base: String

  init() throws {
    // Before the first request of this process; no server here is silent or slow for so long but on purpose.
    setenv("SLUICE_HTTP_SILENCE", "2", 1)
    setenv("SLUICE_HTTP_LIMIT", "6", 1)
    folder = try TemporaryFolder()
    for name in ["a.mp4", "a.ts", "a.mkv"] { try TestVideo.write(to: folder.path(name)) }
    let output = Pipe()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../scripts/python/serve_videos.py").path
    server.arguments = ["python3", script, folder.url.path]
    server.standardInput = input
    server.standardOutput = output
    try server.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    base = "http://127.0.0.1:\(try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines))))"
  }

  deinit {
    try? input.fileHandleForWriting.close()
    server.waitUntilExit()
  }

  private func pixels(_ path: String) throws -> [UInt8] {
    let clip = try VideoDecoder(path: path).frames(at: [3, 17, 40], size: .native)
    return withExtendedLifetime(clip) { Array(clip.buffer.bytes) }
  }

  private func failure(_ path: String) -> VideoError? {
    do {
      _ = try VideoDecoder(path: path)
      return nil
    } catch {
      return error
    }
  }

  @Test func aServedFileDecodesAsTheFileDoes() throws {
    let expected = try pixels(folder.path("a.mp4"))
    #expect(try pixels("\(base)/ok/a.mp4") == expected)
    let finding = try VideoProbe.index(path: "\(base)/ok/a.mp4")
    #expect(try finding.info == VideoProbe.probe(path: folder.path("a.mp4")) && finding.access == .probe)
    // What breaks off or is refused for a moment is taken up again.
    #expect(try pixels("\(base)/reset/a.mp4") == expected)
    #expect(try pixels("\(base)/flaky/a.mp4") == expected)
  }

  @Test func whatIsGoneIsAVerdictAndAllElseIsTransient() throws {
    for (status, isVerdict) in [(404, true), (410, true), (401, false), (403, false), (429, false), (503, false)] {
      let error = try #require(failure("\(base)/\(status)/a.mp4"), "\(status)")
      #expect(error.isTransient == !isVerdict, "\(error)")
      #expect(error.message.contains("\(base)/\(status)/a.mp4"))
      #expect((error.code == .notFound) == isVerdict, "\(error)")
      #expect(error.message.contains("the server says \(status)"), "\(error)")
      #expect(isVerdict || error.message.contains("copy the video"), "\(error)")
    }
    #expect(failure("\(base)/unsized/a.mp4")?.message.contains("ranges are needed") == true)
    for unreachable in ["http://127.0.0.1:1/a.mp4", "http://no.such.host.invalid/a.mp4"] {
      let error = try #require(failure(unreachable))
      #expect(error.isTransient && error.message.hasPrefix("\(unreachable): "), "\(error)")
      #expect(error.message.contains("copy the video") && !error.message.contains("readable"), "\(error)")
    }
    let other = try #require(failure("ftp://127.0.0.1/a.mp4"))
    #expect(!other.isTransient && other.message.contains("http and https, not by ftp"), "\(other)")
  }

  /// Silence and broken connections end within the time that was set and its few repetitions, and another worker may try.
  @Test(arguments: ["hang", "stall", "broken", "503", "trickle"])
  func silenceEndsInTime(fault: String) throws {
    let clock = ContinuousClock()
    let start = clock.now
    let error = try #require(failure("\(base)/\(fault)/a.mp4"))
    #expect(error.isTransient && error.message.contains("/\(fault)/a.mp4"), "\(error)")
    #expect(!error.message.contains("readable") && error.message.contains("copy the video"), "\(error)")
    #expect(error.message.contains("the server says 503") == (fault == "503"), "\(error)")
    // A stalled server gives half of what is asked for each time, a trickling one is never silent: the limit of all ends both.
    if ["stall", "trickle"].contains(fault) { #expect(error.message.contains("SLUICE_HTTP_LIMIT=6"), "\(error)") }
    #expect(clock.now - start < .seconds(15))
  }

  /// A connection that breaks while a video is opened or probed says nothing of the video.
  @Test(arguments: ["a.mp4", "a.ts", "a.mkv"])
  func whatBreaksWhileOpeningIsTransient(name: String) throws {
    let error = try #require(failure("\(base)/gone/\(name)"))
    #expect(error.isTransient && error.message.contains("\(base)/gone/\(name)"), "\(error)")
  }

  @Test func settingsSayWhatTheyTake() throws {
    #expect(
      try HTTPSettings { _ in nil } == HTTPSettings { ["SLUICE_HTTP_SILENCE": "20", "SLUICE_HTTP_LIMIT": "60"][$0] })
    for text in ["", "0", "-3", "2.5", "20s", "86401"] {
      let error = #expect(throws: VideoError.self) {
        try HTTPSettings { name in name == "SLUICE_HTTP_SILENCE" ? text : nil }
      }
      #expect(error?.message.hasPrefix("SLUICE_HTTP_SILENCE=\(text): ") == true && error?.isTransient == true)
    }
  }
}
