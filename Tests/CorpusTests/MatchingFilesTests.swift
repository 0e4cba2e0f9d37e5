import Corpus
import Foundation
import Glibc
import Testing

/// What a pass leaves on the disk, and takes up again.
@Suite struct MatchingFilesTests {
  private let scratch: Collection
  private let labels = LabelList([Label("surfing"), Label("fish")])

  init() throws { scratch = try Collection(manifest: []) }

  private var index: String { scratch.directory + "/index" }
  private var work: String { index + "/corpus.sqlite.matching" }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func pass(_ text: String, _ list: LabelList? = nil) throws -> MatchingPass {
    try scratch.write(text, to: "m.jsonl")
    return try MatchingPass(list ?? labels, paths: ["\(scratch.directory)/m.jsonl"])
  }

  private func write(
    _ pass: MatchingPass, to directory: String? = nil, labels: LabelList? = nil, minimum: Int = 0,
    rejects: String? = nil, progress: @escaping (String, Int) throws -> Void = { _, _ in }
  ) throws -> MatchedIndex.Report {
    let directory = directory ?? index
    return try MatchedIndex.write(
      to: directory, pass, labels: labels ?? self.labels, minimumVideos: minimum, workers: 2,
      rejects: rejects ?? "\(directory)/rejects.txt", progress: { phase, _, count in try progress(phase, count) })
  }

  private static let rows =
    (0..<300).map { number in
      let tags = number % 10 == 0 ? "\"fish\"" : number % 7 == 0 ? "\"surf\", \"fish\"" : "\"surf\""
      return "{\"file\": \"/v/\(number % 290).mp4\", \"hashtags\": [\(tags)]}"
    }.joined(separator: "\n")

  /// The runs do not depend on the minimum: another one gives what it gives without them.
  @Test func anotherMinimumTakesTheSameRuns() throws {
    let pass = try pass(Self.rows)
    let error = corpusError { _ = try write(pass, minimum: 1000) }
    #expect(error?.code == .empty && error?.message.contains("none of the labels has 1000 videos") == true)
    #expect(isThere(work))
    var phases: [String] = []
    let second = try write(pass, minimum: 100) { phase, _ in phases.append(phase) }
    #expect(phases.count { $0 == "rows" } == 1, "nothing is read again")
    let fresh = try write(pass, to: scratch.directory + "/fresh", minimum: 100)
    #expect(second == fresh && second.labels == 1 && second.duplicates == 10 && second.videos > 100)
    #expect(!isThere(work))
    // Interrupted while the index is written.
    #expect(throws: (any Error).self) {
      _ = try write(pass, minimum: 100) { phase, _ in if phase == "videos" { throw Interruption() } }
    }
    let last = try write(pass)
    #expect(try last == write(pass, to: scratch.directory + "/all"))
    #expect(last.videos == 290 && last.labels == 2 && last.dropped == 0)
  }

  @Test func aPassWithoutALabelLeavesNothingToFinish() throws {
    let none = LabelList([Label("nothing here")])
    let error = corpusError { _ = try write(pass(Self.rows + "\nbroken", none), labels: none) }
    #expect(error?.code == .empty && error?.message.contains("of 301 rows no row carries a label") == true)
    #expect(!isThere(work))
    #expect(try String(contentsOfFile: "\(index)/rejects.txt", encoding: .utf8).hasSuffix("\tbroken\n"))
    let distinct = Self.rows.split(separator: "\n").prefix(290).joined(separator: "\n")
    #expect(try write(pass(distinct)).videos == 290)
    #expect(!isThere("\(index)/rejects.txt"), "those of the pass before are not this one's")
  }

  @Test func twoPassesIntoOneIndexAreRefused() throws {
    let pass = try pass(Self.rows)
    var message = ""
    let report = try write(pass) { phase, _ in
      guard phase == "videos", message.isEmpty else { return }
      message = corpusError { _ = try write(pass) }?.message ?? "none"
    }
    #expect(message.contains("\(work): another pass is under way") && report.videos == 290)
    #expect(try write(pass) == report)
  }

  @Test func rejectsGoAnywhere() throws {
    let pass = try pass(Self.rows + "\nbroken")
    let missing = scratch.directory + "/none/rejects.txt"
    let error = corpusError { _ = try write(pass, rejects: missing) { _, _ in throw Interruption() } }
    #expect(error?.message.contains("\(missing): cannot create the file") == true, "before anything is read")
    // Another disk, as far as this machine has one.
    let other = "/dev/shm/rejects-\(UUID().uuidString).txt"
    defer { unlink(other) }
    _ = try write(pass, rejects: other)
    #expect(try String(contentsOfFile: other, encoding: .utf8).contains("\tbroken\n"))
    let own = "\(scratch.directory)/m.jsonl"
    let refused = corpusError { _ = try write(pass, rejects: own) }
    #expect(refused?.message.contains("\(own): is the same file as") == true)
  }

  @Test func aManifestIsOfSomethingAndReplacesNoSource() throws {
    let output = scratch.directory + "/kept.jsonl"
    try "before".write(toFile: output, atomically: true, encoding: .utf8)
    for text in ["", "garbage\nmore", "{\"file\": \"a.mp4\", \"hashtags\": [\"love\"]}"] {
      let error = corpusError {
        _ = try MatchedManifest.write(pass(text), to: output, rejects: "\(output).rejects", rejected: { _, _ in })
      }
      #expect(error?.code == .empty && error?.message.contains("no row carries a label") == true)
      #expect(try String(contentsOfFile: output, encoding: .utf8) == "before")
      #expect(isThere("\(output).rejects") == text.hasPrefix("garbage"))
    }
    let own = "\(scratch.directory)/./m.jsonl"
    let error = corpusError {
      _ = try MatchedManifest.write(pass(Self.rows), to: own, rejects: "\(output).rejects", rejected: { _, _ in })
    }
    #expect(error?.message.contains("is the same file as") == true)
    #expect(try String(contentsOfFile: own, encoding: .utf8) == Self.rows)
  }

  @Test(.enabled(if: geteuid() == 0)) func aFullDiskIsNamed() throws {
    let disk = scratch.directory + "/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    try #require(mount("sluice-matching", disk, "tmpfs", 0, "size=8m") == 0)
    defer { umount2(disk, Int32(MNT_DETACH)) }
    let pass = try pass(Self.rows)
    let error = corpusError {
      _ = try write(pass, to: "\(disk)/index") { phase, _ in
        guard phase == "videos" else { return }
        let descriptor = open("\(disk)/ballast", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let bytes = [UInt8](repeating: 0, count: 4096)
        while Glibc.write(descriptor, bytes, bytes.count) > 0 {}
      }
    }
    #expect(error?.message.contains("\(disk)/index/corpus.sqlite") == true)
    #expect(error?.message.contains("make room there") == true, "\(error?.description ?? "")")
  }

  /// More runs than are read at once are merged by files of their own, which go again.
  @Test(arguments: [2, 3, 100]) func sortedRunsAreMerged(mergedRuns: Int) throws {
    var random = CounterRandom(seed: 5)
    var sort = ExternalSort(path: scratch.directory + "/run", mergedRuns: mergedRuns)
    var keys: [[UInt64]] = []
    for _ in 0..<20 {
      var bytes: [UInt8] = []
      for _ in 0..<50 {
        let key = [UInt64(random.integer(below: 40)), UInt64(random.integer(below: 3)), random.next() >> 57]
        SortedRecord.append(key[0], key[1], to: &bytes) { $0.append(UInt8(key[2])) }
        keys.append(key)
      }
      sort.append(bytes)
      try sort.spill()
    }
    for _ in 0..<2 {
      var read: [[UInt64]] = []
      try sort.forEach { read.append([$0.first, $0.second, UInt64($0.payload[0])]) }
      #expect(read == keys.sorted { $0.lexicographicallyPrecedes($1) })
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: scratch.directory).filter { $0.hasPrefix("run-") }
    #expect(files.count == 20)
  }

  @Test func generatedRowsAreRepeatedAsTheyWere() throws {
    let path = scratch.directory + "/generated.jsonl"
    try GeneratedMetadata.write(to: path, rows: 30_000, labels: 5, otherScripts: 0.5)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter {
      $0.hasPrefix("{\"id\"")
    }
    let repeated = Dictionary(grouping: lines) { $0.prefix { $0 != "," } }.values.filter { $0.count > 1 }
    #expect((10...60).contains(repeated.count))
    for lines in repeated { #expect(Set(lines).count == 1) }
    #expect(lines.contains { $0.contains("Täg") } && lines.contains { $0.contains("T\\u00e4g") })
  }
}
