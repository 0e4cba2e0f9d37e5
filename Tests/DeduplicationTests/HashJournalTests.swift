import Corpus
import Foundation
import Testing

import Deduplication

/// Whatever a journal has lost is told and made again; then it has the bytes that it had.
@Suite struct HashJournalTests {
  private static let header = Array("SLHASHJ1 of an index".utf8)

  private static func hashes(_ frames: Int, seed: UInt64) -> VideoHashes {
    var random = CounterRandom(seed: seed)
    return VideoHashes(
      regions: 1, seconds: (0..<frames).map { Float($0) / 2 },
      hashes: (0..<frames).map { _ in FrameHash(random.next(), random.next(), random.next(), random.next()) })
  }

  private static let entries: [HashJournal.Entry] = [
    .hashes(hashes(2, seed: 1)), .failure("videos/ü.mp4: no stream"), .hashes(hashes(0, seed: 2)),
    .hashes(hashes(1, seed: 3)),
  ]

  /// Where each record ends.
  private static let ends: [Int] = entries.reduce(into: [header.count]) { ends, entry in
    let bytes =
      switch entry {
      case .hashes(let hashes): 40 * hashes.seconds.count
      case .failure(let reason): reason.utf8.count
      }
    ends.append(ends[ends.count - 1] + 16 + bytes)
  }

  private let path = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID())").path

  /// Opens the journal, adds what is missing and gives the file's bytes.
  private func finish(header: [UInt8] = header) throws -> (bytes: [UInt8], before: Int, warnings: [String]) {
    var warnings: [String] = []
    var journal = try HashJournal(path: path, header: header, frameBytes: 40, videoCount: Self.entries.count) {
      warnings.append("\($0): \($1)")
    }
    let before = journal.count
    for entry in Self.entries[before...] { try journal.append(entry) }
    var failures: [Bool] = []
    try journal.forEach { failures.append($0.isFailure) }
    #expect(failures == [false, true, false, false])
    return (Array(try Data(contentsOf: URL(fileURLWithPath: path))), before, warnings)
  }

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  @Test func aProcessMayDieAtAnyByte() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let whole = try finish()
    #expect(whole.bytes.count == Self.ends.last && whole.before == 0 && whole.warnings.isEmpty)
    for count in 0...whole.bytes.count {
      try write(Array(whole.bytes[..<count]))
      let again = try finish()
      #expect(again.bytes == whole.bytes, "cut at \(count)")
      #expect(again.before == max(0, Self.ends.count { $0 <= count } - 1), "cut at \(count)")
      #expect(again.warnings.isEmpty == (count == 0 || Self.ends.contains(count)), "cut at \(count)")
    }
  }

  @Test func damagedBytesAreToldAndMadeAgain() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let whole = try finish()
    for place in whole.bytes.indices {
      var damaged = whole.bytes
      damaged[place] ^= 0x10
      try write(damaged)
      let again = try finish()
      #expect(again.bytes == whole.bytes, "damaged at \(place)")
      #expect(again.before == max(0, Self.ends.count { $0 <= place } - 1), "damaged at \(place)")
      #expect(again.warnings.count == 1 && again.warnings[0].hasPrefix(path), "damaged at \(place)")
    }
    try write(whole.bytes + [1, 2, 3])
    let longer = try finish()
    #expect(longer.bytes == whole.bytes && longer.before == 4 && longer.warnings.count == 1)
  }

  @Test func aJournalOfAnotherIndexIsBegunAgain() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let whole = try finish()
    let other = try finish(header: Array("SLHASHJ1 of no index".utf8))
    #expect(other.before == 0 && other.bytes != whole.bytes && other.warnings.count == 1)
    #expect(try finish().bytes == whole.bytes)
  }

  @Test func whatChangesUnderItIsAnError() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let whole = try finish()
    let journal = try HashJournal(path: path, header: Self.header, frameBytes: 40, videoCount: 4) { _, _ in }
    try write(Array(whole.bytes.dropLast()))
    #expect(throws: DeduplicationError.self) { try journal.forEach { _ in } }
  }
}
