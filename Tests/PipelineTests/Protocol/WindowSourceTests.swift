import Foundation
import Pipeline
import Tensors
import Testing
import Video
import Wire

/// What a decode worker makes of a lease.
@Suite struct WindowSourceTests {
  /// A lease with the window's packets gives what one without gives: pixels and verdicts. It stays small.
  @Test(arguments: PixelFormat.allCases) func thePacketTableChangesNothing(format: PixelFormat) throws {
    let path = try Self.longGOP()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let finding = try VideoProbe.index(path: path)
    var fields = ItemFields()
    fields.path = path
    fields.byteCount = finding.info.byteCount
    let window = try WorkItem(body: fields.bytes).frameIndices
    fields.table = finding.indexed(for: window).table
    #expect(fields.table != nil)
    let item = try WorkItem(body: fields.bytes)
    #expect(item.table == fields.table && item.encodedBody == fields.bytes)
    #expect(fields.bytes.count < 700)
    func outcome(_ item: WorkItem) -> Result<[UInt8], ClipFailure> {
      do throws(ClipFailure) {
        let frames = try VideoWindowSource().window(for: item, size: .exact(height: 24, width: 32), format: format)
        return .success(withExtendedLifetime(frames) { Array(frames.buffer.bytes) })
      } catch {
        return .failure(error)
      }
    }
    var bare = item
    bare.table = nil
    #expect(try outcome(item).get() == outcome(bare).get())
    for change in [{ $0.byteCount += 1 }, { $0.frameCount += 1 }, { $0.path += "x" }] as [(inout WorkItem) -> Void] {
      let (with, without) = [item, bare].map { item in
        var changed = item
        change(&changed)
        return outcome(changed)
      }.pair
      #expect(with == without)
      #expect(throws: ClipFailure.self) { try with.get() }
    }
  }
}

extension WindowSourceTests {
  /// A file of 100 frames and one keyframe.
  private static func longGOP() throws -> String {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).mp4").path
    var options = VideoWriterOptions()
    options.gop = 250
    let writer = try VideoWriter(path: path, width: 64, height: 48, framesPerSecond: (25, 1), options: options)
    for frame in 0..<100 {
      let pixels = (0..<64 * 48 * 3).map { UInt8(truncatingIfNeeded: $0 / 7 &+ frame * 3) }
      try pixels.withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
    return path
  }

  /// Clips of one video: each is what it is alone, also where one of them cannot be made.
  @Test(arguments: PixelFormat.allCases) func severalClipsAreDecodedInOnePass(format: PixelFormat) throws {
    let path = try Self.longGOP()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let finding = try VideoProbe.index(path: path)
    var fields = ItemFields()
    fields.path = path
    fields.byteCount = finding.info.byteCount
    fields.table = finding.indexed(for: Array(0..<100)).table
    var items = try [0, 12, 40, 41, 70].map { start in
      fields.windowStart = start
      return try WorkItem(body: fields.bytes)
    }
    func decoded(_ source: VideoWindowSource, _ make: (VideoWindowSource) -> [Result<FrameTensor, ClipFailure>])
      -> [Result<[UInt8], ClipFailure>]
    {
      make(source).map { $0.map { frames in withExtendedLifetime(frames) { Array(frames.buffer.bytes) } } }
    }
    let size = FrameSize.exact(height: 24, width: 32)
    func check(isOnePass: Bool) throws {
      let (together, alone) = (VideoWindowSource(), VideoWindowSource())
      let expected = items.flatMap { item in
        decoded(alone) { $0.windows(for: [item], size: size, format: format) }
      }
      #expect(decoded(together) { $0.windows(for: items, size: size, format: format) } == expected)
      // The GOP is as long as the video: alone, each begins at its first frame.
      let (one, each) = (together.statistics.framesDecoded, alone.statistics.framesDecoded)
      #expect(isOnePass ? one <= 100 && each > 2 * one : one >= each, "\(one) and \(each) frames")
    }
    try check(isOnePass: true)
    items[3].byteCount += 1
    try check(isOnePass: false)
  }

  /// The file's time does not count as damage; a worker says it once.
  @Test func aChangedTimeIsAWarning() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).mp4").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let writer = try VideoWriter(path: path, width: 32, height: 32, framesPerSecond: (25, 1))
    for frame in 0..<100 {
      try [UInt8](repeating: UInt8(frame), count: 32 * 32 * 3).withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
    var fields = ItemFields()
    fields.path = path
    fields.byteCount = try VideoProbe.probe(path: path).byteCount
    let warnings = Warnings()
    let source = VideoWindowSource(warn: { warnings.add($0) })
    func decode() throws {
      for start in [3, 4] {
        fields.windowStart = start
        _ = try source.window(for: WorkItem(body: fields.bytes), size: .native, format: .rgb24)
      }
    }
    try decode()
    fields.modifiedSeconds = VideoLocation(path).modifiedSeconds
    try decode()
    #expect(warnings.lines.isEmpty)
    fields.modifiedSeconds = 1_000_000_000
    try decode()
    #expect(warnings.lines.count == 1 && warnings.lines[0].contains("\(path): changed at "))
    #expect(warnings.lines.first?.contains("2001-09-09T01:46:40Z then") == true)
  }

  private final class Warnings: @unchecked Sendable {
    // Sendable: one test's thread adds and reads.
    private(set) var lines: [String] = []
    func add(_ line: String) { lines.append(line) }
  }
}

extension Array {
  fileprivate var pair: (Element, Element) { (self[0], self[1]) }
}
