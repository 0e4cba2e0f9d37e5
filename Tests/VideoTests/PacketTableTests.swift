import Foundation
import Tensors
import Testing
import Video
import Wire

/// A packet table makes opening cheap and changes nothing else: not a pixel, not a verdict.
struct PacketTableTests {
  private func bytes(_ clip: FrameTensor) -> [UInt8] { withExtendedLifetime(clip) { Array(clip.buffer.bytes) } }

  private func table(_ path: String) throws -> PacketTable {
    try #require(try VideoProbe.index(path: path).table)
  }

  /// A window decoded as a worker does that gets `table` with its lease.
  private func decode(_ path: String, _ table: PacketTable, _ window: [Int]) throws -> (
    pixels: [UInt8], usedTable: Bool
  ) {
    let indexed = IndexedVideo(
      byteCount: table.byteCount, frameCount: table.frameCount, table: table.slice(for: window))
    let decoder = try VideoDecoder(path: path, indexed: indexed)
    return (bytes(try decoder.frames(at: window, size: .native)), decoder.usesTable)
  }

  /// Each window reads from its keyframe only, wherever it is, and nothing before or after.
  @Test(arguments: ["mp4", "mkv", "ts"])
  func readsOnlyWhatTheWindowNeeds(container: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.\(container)")
    try TestVideo.write(to: path, frames: 120) { options in
      options.gop = 20
      options.extraParameters = "scenecut=0"
    }
    let table = try table(path)
    for first in [0, 5, 47, 113] {
      let window = [first, first + 2, first + 4]
      let indexed = IndexedVideo(byteCount: table.byteCount, frameCount: 120, table: table.slice(for: window))
      let decoder = try VideoDecoder(path: path, indexed: indexed)
      _ = try decoder.frames(at: window, size: .native)
      #expect(decoder.usesTable)
      #expect(decoder.statistics.packetsRead <= first % 20 + 8, "\(container), frame \(first): \(decoder.statistics)")
      #expect(decoder.statistics.seeks <= 1)
      #expect(decoder.info == (try VideoProbe.probe(path: path)))
    }
  }

  /// A lease stays small.
  @Test func slicesTakeABytePerPacket() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 250) { $0.gop = 250 }
    let whole = try table(path)
    let slice = try #require(whole.slice(for: [240, 242, 244]))
    #expect(whole.blob.count < 250 + 200 && slice.blob.count < 250 + 200)
    #expect(try #require(whole.slice(for: [3])).blob.count < 200)
    #expect(try PacketTable(blob: slice.blob) == slice)
    #expect(try PacketTable(blob: whole.blob) == whole)
    #expect(whole.slice(for: [250]) == nil && whole.slice(for: []) == nil && slice.slice(for: [249]) == nil)
  }

  /// Without `max_num_reorder_frames` the decoder must be told how many frames to hold back, or it drops some.
  @Test func reorderDepthComesFromTheTable() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 60) { options in
      options.bFrames = 4
      options.extraParameters = "b-pyramid=normal:b-adapt=0"
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let bare = try folder.write(try H264Parameters.withoutUsabilityInformation(whole), to: "bare.mp4")
    let reference = try LinearDecode.frames(of: bare)
    #expect(reference.count == 60)
    let table = try table(bare)
    for first in [0, 1, 13, 20, 31, 55] {
      let window = [first, first + 1, first + 3]
      let (pixels, usedTable) = try decode(bare, table, window)
      #expect(usedTable && pixels == window.flatMap { reference[$0].rgb }, "frame \(first)")
    }
  }

  /// Streams that begin in the middle: what a linear decode drops is no frame in the table either.
  @Test func cutStartsKeepTheirNumbers() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.ts")
    try TestVideo.write(to: path, frames: 50) { options in
      options.bFrames = 2
      options.extraParameters = "open-gop=1:b-adapt=0"
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let cut = try folder.write(Array(whole.dropFirst(whole.count / 188 / 3 * 188)), to: "cut.ts")
    let reference = try LinearDecode.frames(of: cut)
    let finding = try VideoProbe.index(path: cut)
    #expect(finding.info.frameCount == reference.count && reference.count < 45)
    for first in 14..<reference.count - 2 {
      let decoder = try VideoDecoder(path: cut, indexed: finding.indexed(for: [first, first + 2]))
      let pixels = bytes(try decoder.frames(at: [first, first + 2], size: .native))
      #expect(pixels == reference[first].rgb + reference[first + 2].rgb, "frame \(first)")
    }
  }

  /// A file that is not the one indexed: a verdict where its size or frames differ, its own frames otherwise.
  @Test func anotherFileIsNeverDecodedByTheTable() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mkv")
    try TestVideo.write(to: path, frames: 60)
    let table = try table(path)
    let other = folder.path("b.mkv")
    try TestVideo.write(to: other, frames: 60, ticks: [1, 2])
    let wanted = bytes(try VideoDecoder(path: other).frames(at: [30, 31], size: .native))
    // The same size: a void element fills what is missing.
    var replaced = [UInt8](try Data(contentsOf: URL(fileURLWithPath: other)))
    let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let size = max(replaced.count, original.count) + 32
    func padded(_ bytes: [UInt8]) -> [UInt8] {
      let room = size - bytes.count - 9
      return bytes + [0xEC, 0x01] + (0..<7).map { UInt8(room >> (8 * (6 - $0)) & 255) }
        + [UInt8](repeating: 0, count: room)
    }
    let stale = try folder.write(padded(original), to: "stale.mkv")
    let staleTable = try self.table(stale)
    replaced = padded(replaced)
    _ = try folder.write(replaced, to: "stale.mkv")
    let (pixels, usedTable) = try decode(stale, staleTable, [30, 31])
    #expect(pixels == wanted && !usedTable)
    // Another size, and other frames.
    _ = try folder.write(original + [0], to: "a.mkv")
    let grown = #expect(throws: VideoError.self) { try decode(path, table, [30]) }
    #expect(grown?.code == .corrupt && grown?.message.contains("bytes") == true)
    let shorter = folder.path("c.mkv")
    try TestVideo.write(to: shorter, frames: 20)
    _ = try folder.write(padded([UInt8](try Data(contentsOf: URL(fileURLWithPath: shorter)))), to: "stale.mkv")
    let fewer = #expect(throws: VideoError.self) { try decode(stale, staleTable, [3]) }
    #expect(fewer?.code == .corrupt && fewer?.message.contains("20 frames, 60") == true)
  }

  private func outcome(_ path: String, _ indexed: IndexedVideo, _ window: [Int]) -> DamageTests.Outcome {
    do {
      return .pixels(bytes(try VideoDecoder(path: path, indexed: indexed).frames(at: window, size: .native)))
    } catch {
      return .failure(error.code)
    }
  }

  /// Damage after indexing: the pixels are the sound file's or those that the file read through gives, never others.
  @Test(arguments: ["mp4", "mkv", "ts", "mpeg4.avi", "webm", "mjpeg.mov", "hevc.mkv"])
  func damagedFilesNeverGiveWrongFrames(kind: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.\(kind)")
    try TestVideo.write(to: path) { options in
      options.bFrames = ["mjpeg.mov", "mpeg4.avi"].contains(kind) ? nil : 2
      let codecs = ["webm": "libvpx-vp9", "mpeg4.avi": "mpeg4", "hevc.mkv": "libx265", "mjpeg.mov": "mjpeg"]
      options.codec = codecs[kind] ?? "libx264"
      if kind == "mjpeg.mov" { options.pixelFormat = "yuvj420p" }
    }
    let table = try table(path)
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let sound = try DamageTests.windows.map { try VideoDecoder(path: path).frames(at: $0, size: .native) }.map(bytes)
    var random = SplitMix64(state: 5)
    var failureCount = 0
    for trial in 0..<20 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        damaged[Int.random(in: 0..<whole.count, using: &random)] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
      }
      _ = try folder.write(damaged, to: "damaged.\(kind)")
      for (place, window) in DamageTests.windows.enumerated() {
        let file = folder.path("damaged.\(kind)")
        let plain = outcome(file, IndexedVideo(byteCount: table.byteCount, frameCount: 60, table: nil), window)
        let tabled = outcome(
          file, IndexedVideo(byteCount: table.byteCount, frameCount: 60, table: table.slice(for: window)), window)
        #expect(tabled == plain || tabled == .pixels(sound[place]), "trial \(trial), window \(window)")
        if case .failure = tabled { failureCount += 1 }
      }
    }
    #expect(failureCount > 0)
  }

  /// Bytes that nobody wrote are an error value; so is every single change.
  @Test func damagedBlobsAreErrors() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.ts")
    try TestVideo.write(to: path, frames: 40) { $0.bFrames = 2 }
    let table = try table(path)
    let blob = table.blob
    for count in 0..<blob.count { #expect(throws: WireError.self) { try PacketTable(blob: Array(blob.prefix(count))) } }
    for bit in 0..<blob.count * 8 {
      var damaged = blob
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: WireError.self) { try PacketTable(blob: damaged) }
    }
    // With a checksum that fits: an error or a table, and whatever it says, decoding with it ends well.
    var random = SplitMix64(state: 3)
    var tableCount = 0
    for trial in 0..<2000 {
      var body = Array(blob.dropLast(8))
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        // After the version and the libraries' hash.
        body[Int.random(in: 9..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var writer = ByteWriter()
      writer.writeRaw(body)
      writer.write(XXH3.hash(body))
      guard let forged = try? PacketTable(blob: writer.bytes) else { continue }
      tableCount += 1
      #expect(try PacketTable(blob: forged.blob) == forged)
      if trial % 20 == 0 { _ = try? decode(path, forged, [20, 21]) }
    }
    #expect(tableCount > 100)
  }

  /// What the fuzzer of messages found: a rate that is no number was taken.
  @Test func aRateThatIsNoNumberIsAnError() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.ts")
    try TestVideo.write(to: path, frames: 10)
    let table = try table(path)
    func bytes(_ number: Double) -> [UInt8] { withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) } }
    let body = Array(table.blob.dropLast(8))
    let rate = try #require(body.firstRange(of: bytes(25)))
    for number in [Double.nan, .infinity] {
      let forged = body.replacing(body[rate], with: bytes(number), maxReplacements: 1)
      var writer = ByteWriter()
      writer.writeRaw(forged)
      writer.write(XXH3.hash(forged))
      #expect(throws: WireError.self) { try PacketTable(blob: writer.bytes) }
    }
  }

  @Test func otherVersionsArePassedOver() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 10)
    let blob = try table(path).blob
    #expect(try PacketTable.read(blob) != nil)
    for place in [0, 3] {
      var body = Array(blob.dropLast(8))
      body[place] ^= 1
      var writer = ByteWriter()
      writer.writeRaw(body)
      writer.write(XXH3.hash(body))
      #expect(try PacketTable.read(writer.bytes) == nil)
    }
    #expect(throws: WireError.self) { try PacketTable.read(Array(blob.dropLast())) }
  }

  /// Files whose frames can only be counted have no table, and the index says why.
  @Test func filesWithoutTimeStampsAreLinear() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.avi")
    try TestVideo.write(to: path, frames: 30) { options in
      options.codec = "mpeg4"
      options.bFrames = 2
    }
    let finding = try VideoProbe.index(path: path)
    #expect(finding.access == .linear && finding.table == nil && finding.info.frameCount == 30)
  }
}
