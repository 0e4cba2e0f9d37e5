import Corpus
import Foundation
import GRDB
import Glibc
import Synchronization
import Testing

/// Opening videos with interruptions.
@Suite struct OpeningPassTests {
  private static let labels = "catching a fish\nriding a horse\nsurfing\nunused label\n"

  /// Whole files, files that cannot be opened, and segments of few files with many labels.
  private static let manifest: [String] = {
    let tags = ["catchfish", "ridehorse", "surf"]
    var lines = (0..<150).map { number in
      let name = number % 17 == 3 ? "damaged" : number % 41 == 5 ? "locked" : "video"
      return line(
        "v/\(name)-\(number).mp4", tags: Array(tags[(number % 3)...].prefix(1 + number % 2)),
        split: number % 10 == 0 ? "test" : nil)
    }
    for number in 0..<120 {
      let (start, length) = (Double(number / 3) * 0.02, [0.5, 2, 0.01, 90][number % 4])
      let file = ["v/long.mp4", "v/other.mp4", "v/damaged.mp4"][number % 3]
      lines.append(
        "{\"file\": \"\(file)\", \"hashtags\": [\"\(tags[number % 7 % 3])\", \"\(tags[number % 5 % 3])\"], "
          + "\"start\": \(start), \"end\": \(start + length)}")
    }
    lines.append(#"{"file": "v/short.mp4", "hashtags": ["surf"], "split": "train", "start": 1000}"#)
    lines.append(#"{"file": "v/short.mp4", "hashtags": ["catchfish"], "split": "train", "start": 1001}"#)
    lines.append(#"{"file": "v/short.mp4", "hashtags": ["surf"], "split": "test", "start": 1}"#)
    return lines
  }()

  private static func collection(_ manifest: [String] = manifest) throws -> Collection {
    try Collection(manifest: manifest, labels: labels)
  }

  /// - Parameter end: the number of rows after which it is interrupted.
  private static func build(
    _ collection: Collection, _ prober: CountingProber = CountingProber(), seed: UInt64 = 0, minimum: Int = 0,
    labels: String? = nil, end: Int = .max, warn: @escaping (String) -> Void = { _ in }
  ) throws -> CorpusBuildReport {
    try CorpusBuilder.build(
      directory: collection.directory, labelsFile: labels, seed: seed, minimumVideos: minimum, workers: 2,
      prober: { path throws(ProbeFailure) in try prober.probe(path) }, interval: end == .max ? .seconds(1) : .zero,
      warn: { warn("\($0): \($1)") },
      progress: { done, _ in if done >= end { throw Interruption() } })
  }

  private static func names(_ directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  @Test func rowsAreInTheOrderOfTheirFramesAndNames() throws {
    let collection = try Self.collection()
    let report = try Self.build(collection, seed: 5)
    let corpus = try Corpus(directory: collection.directory)
    var rows: [VideoRecord] = []
    for split in Split.allCases {
      let videos = try corpus.videos(split: split)
      rows += videos
      #expect(
        videos.map(\.id)
          == videos.sorted { left, right in
            let (one, other) = (
              CounterRandom.hash(left.file, seed: 5), CounterRandom.hash(right.file, seed: 5)
            )
            return (left.label, one, left.startFrame, left.endFrame) < (
              right.label, other, right.startFrame, right.endFrame
            )
          }.map(\.id))
    }
    #expect(rows.map(\.id) == Array(0..<report.videos) && rows.count > 150)
    #expect(report.leftOut.map(\.line) == report.leftOut.map(\.line).sorted())
    #expect(report.leftOut.count == report.leftOutCount && report.before == 0)
    #expect(report.warnings.contains { $0.contains("segments end after their video") && $0.contains("v/") })
    #expect(report.warnings.contains { $0.hasPrefix("4 videos were left out for reasons that may pass") })
  }

  @Test func anInterruptedPassGoesOn() throws {
    let (whole, cut) = (try Self.collection(), try Self.collection())
    let undisturbed = try Self.build(whole)
    let content = try indexContent(whole.directory)
    var known: Set<String> = []
    var before = 0
    for end in [1, 40, 41, 110] {
      let prober = CountingProber()
      #expect(throws: CorpusError.self) { try Self.build(cut, prober, end: end) }
      #expect(try Self.names(cut.directory) == ["corpus.sqlite.building", "labels.txt", "manifest.jsonl"])
      #expect(prober.files.isDisjoint(with: known), "what was committed is not opened again")
      let state = try Self.state(cut.directory)
      #expect(state.done >= max(end, before))
      (known, before) = (state.files, state.done)
    }
    let prober = CountingProber()
    var warnings: [String] = []
    let report = try Self.build(cut, prober) { warnings.append($0) }
    #expect(report.before == before && warnings.isEmpty && prober.files.isDisjoint(with: known))
    #expect(try Self.described(report) == Self.described(undisturbed))
    #expect(try indexContent(cut.directory) == content)
    #expect(try Self.names(cut.directory) == ["corpus.sqlite", "labels.txt", "manifest.jsonl"])
  }

  /// A report without the number of rows before.
  private static func described(_ report: CorpusBuildReport) throws -> String {
    var object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any])
    object["before"] = nil
    return String(
      decoding: try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes]),
      as: UTF8.self)
  }

  /// Rows that are dealt with, and their files, of an unfinished index.
  private static func state(_ directory: String) throws -> (done: Int, files: Set<String>) {
    let queue = try DatabaseQueue(path: "\(directory)/corpus.sqlite.building/pass.sqlite")
    try queue.inDatabase { try $0.execute(sql: "ATTACH '\(directory)/corpus.sqlite.building/corpus.sqlite' AS rows") }
    defer { try? queue.close() }
    return try queue.read { database in
      let files = try String.fetchAll(
        database,
        sql: """
          SELECT file FROM rows.videos UNION
          SELECT file FROM main.left_out WHERE reason NOT LIKE '%segment%'
          """)
      return (try Int.fetchOne(database, sql: "SELECT done FROM state") ?? -1, Set(files.map { "\(directory)/\($0)" }))
    }
  }

  /// All is written when the last row is; the index may get its name then, or the next time.
  @Test func aPassThatDiedBehindItsLastRowIsFinished() throws {
    let manifest = Array(Self.manifest.prefix(30))
    let (whole, cut) = (try Self.collection(manifest), try Self.collection(manifest))
    let undisturbed = try Self.build(whole)
    let rows = undisturbed.rows - undisturbed.unmatched
    #expect(throws: CorpusError.self) { try Self.build(cut, end: rows) }
    // As after its last commit: what follows from the rows is there, too.
    let queue = try DatabaseQueue(path: "\(cut.directory)/corpus.sqlite.building/corpus.sqlite")
    try queue.write { database in
      try database.execute(
        sql: "INSERT INTO settings VALUES ('fingerprint', 'x'); INSERT INTO ranks VALUES ('test', 0, 0, 9)")
    }
    try queue.close()
    #expect(try Self.build(cut).before == rows)
    #expect(try indexContent(cut.directory) == indexContent(whole.directory))
  }

  @Test(arguments: ["row", "labels", "seed", "minimum", "damage in a shard"]) func otherContentBeginsAnew(
    change: String
  ) throws {
    let cut = try Self.collection()
    #expect(throws: CorpusError.self) { try Self.build(cut, end: 30) }
    var manifest = Self.manifest
    if change == "row" { manifest.swapAt(0, 1) }
    if change == "damage in a shard" { manifest.append(#"{"shard": "none.tar", "split": "train"}"#) }
    let fresh = try Self.collection(manifest)
    for directory in [cut.directory, fresh.directory] {
      try "a\tcatchfish\tfishing\nsurfing\triding a horse\n".write(
        toFile: "\(directory)/others.txt", atomically: true, encoding: .utf8)
    }
    try cut.write(manifest.joined(separator: "\n") + "\n", to: "manifest.jsonl")
    func build(_ collection: Collection, _ warn: @escaping (String) -> Void) throws -> CorpusBuildReport {
      try Self.build(
        collection, seed: change == "seed" ? 1 : 0, minimum: change == "minimum" ? 50 : 0,
        labels: change == "labels" ? collection.directory + "/others.txt" : nil, warn: warn)
    }
    var warnings: [String] = []
    let report = try build(cut) { warnings.append($0) }
    #expect(
      warnings == [
        "\(cut.directory)/corpus.sqlite.building/corpus.sqlite: unfinished, of other rows, labels or settings: begun anew"
      ]
    )
    #expect(report.before == 0)
    #expect(
      try Self.described(build(fresh) { _ in }).replacing(fresh.directory, with: cut.directory)
        == Self.described(report))
    #expect(
      try indexContent(cut.directory)
        == indexContent(fresh.directory).map { $0.replacing(fresh.directory, with: cut.directory) })
  }

  /// As where one of its files was copied or lost.
  @Test(arguments: ["rows", "state"]) func aPassWhoseFilesDoNotAgreeIsBegunAnew(older: String) throws {
    let cut = try Self.collection()
    #expect(throws: CorpusError.self) { try Self.build(cut, end: 60) }
    if older == "rows" {
      truncate("\(cut.directory)/corpus.sqlite.building/corpus.sqlite", 0)
    } else {
      let queue = try DatabaseQueue(path: "\(cut.directory)/corpus.sqlite.building/pass.sqlite")
      try queue.write { try $0.execute(sql: "UPDATE state SET done = 1") }
      try queue.close()
    }
    try Self.expectBegunAnew(cut)
  }

  @Test func otherDirectoriesStay() throws {
    let collection = try Self.collection()
    for name in ["building", "matching"] {
      try FileManager.default.createDirectory(
        atPath: "\(collection.directory)/\(name)", withIntermediateDirectories: false)
      try "mine".write(toFile: "\(collection.directory)/\(name)/corpus.sqlite", atomically: true, encoding: .utf8)
    }
    _ = try Self.build(collection)
    for name in ["building", "matching"] {
      #expect(try String(contentsOfFile: "\(collection.directory)/\(name)/corpus.sqlite", encoding: .utf8) == "mine")
    }
  }

  @Test(arguments: ["corpus.sqlite", "pass.sqlite"], ["begin", "middle", "end"])
  func aDamagedPassIsBegunAnew(name: String, place: String) throws {
    let cut = try Self.collection()
    #expect(throws: CorpusError.self) { try Self.build(cut, end: 60) }
    let path = "\(cut.directory)/corpus.sqlite.building/\(name)"
    let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    if place == "end" {
      truncate(path, off_t(size / 2))
    } else {
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try file.seek(toOffset: place == "begin" ? 0 : UInt64(size / 8192 * 4096))
      try file.write(contentsOf: Data(repeating: 0x5A, count: 4096))
      try file.close()
    }
    try Self.expectBegunAnew(cut)
  }

  private static func expectBegunAnew(_ cut: Collection) throws {
    var warnings: [String] = []
    let report = try build(cut) { warnings.append($0) }
    #expect(warnings == ["\(cut.directory)/corpus.sqlite.building/corpus.sqlite: unfinished and damaged: begun anew"])
    #expect(report.before == 0)
    let fresh = try collection()
    _ = try build(fresh)
    #expect(try indexContent(cut.directory) == indexContent(fresh.directory))
  }

  @Test func aFileIsOpenedOnce() throws {
    let collection = try Self.collection()
    let prober = CountingProber()
    let report = try Self.build(collection, prober)
    let tries = prober.tries.withLock { $0 }
    let name = { (path: String) in path.replacing("\(collection.directory)/", with: "") }
    for (path, count) in tries where name(path) != "v/short.mp4" {
      // What may pass is tried three times.
      #expect(count == (path.contains("locked") ? 3 : 1), "\(path)")
    }
    #expect(report.leftOut.count { $0.file == "v/damaged.mp4" } == 40)
    let queue = try DatabaseQueue(path: "\(collection.directory)/corpus.sqlite")
    try queue.read { database in
      for (file, rows) in [("v/long.mp4", 40), ("v/other.mp4", 40)] {
        let segments = try Row.fetchAll(
          database, sql: "SELECT id, file_id, access, length(packets) FROM videos WHERE file = ? ORDER BY id",
          arguments: [file])
        #expect(segments.count > 20 && segments.count <= rows)
        let first: Int = segments[0][0]
        #expect(segments.allSatisfy { $0[1] == first })
        #expect(segments[0][2] == "table" && segments[0][3] == 2000)
        #expect(segments.dropFirst().allSatisfy { $0[2] as String? == nil && $0[3] as Int? == nil })
      }
    }
    try queue.close()
  }

  /// Its first segment lies behind its end; the second is under way when that is found, the third comes when that is written.
  @Test func aFileWithoutFramesAtFirstIsInTheIndexOnce() throws {
    let files = (0..<20).map { "\($0).mp4" } + ["late.mp4"]
    let manifest = ["a", "b", "c"].enumerated().flatMap { number, label in
      files.map { file in
        let start = file == "late.mp4" && number == 0 ? 1000 : number
        return "{\"file\": \"\(file)\", \"labels\": [\"\(label)\"], \"split\": \"train\", \"start\": \(start)}"
      }
    }
    let collection = try Collection(manifest: manifest)
    let report = try collection.build(workers: 1)
    #expect(report.videos == 62 && report.leftOut.map(\.file) == ["late.mp4"])
    let queue = try DatabaseQueue(path: "\(collection.directory)/corpus.sqlite")
    let rows = try queue.read { database in
      try Int.fetchAll(
        database, sql: "SELECT sum(file_id = id) + 10 * count(DISTINCT file_id) FROM videos GROUP BY file")
    }
    #expect(rows == files.map { _ in 11 })
    try queue.close()
  }

  @Test func aSecondOneAtTheSameTimeIsRefused() throws {
    let collection = try Self.collection()
    var refusal: String?
    let report = try CorpusBuilder.build(
      directory: collection.directory, labelsFile: nil, workers: 1, prober: fakeProbe,
      progress: { done, _ in
        guard done >= 100, refusal == nil else { return }
        refusal = corpusError { _ = try collection.build() }?.message ?? "none"
      })
    #expect(
      refusal
        == "\(collection.directory)/corpus.sqlite.building: another process builds the index; wait for its end, or write to another place"
    )
    #expect(report.videos > 150)
  }

  /// Packet tables that wait for their rows: as many as are under way, however many videos there are.
  @Test func memoryIsThatOfTheFilesUnderWay() throws {
    let count = 3000
    let collection = try Collection(manifest: (0..<count).map { line("\($0).mp4", labels: ["x"]) })
    let probed = Mutex(0)
    let most = Mutex(0)
    _ = try CorpusBuilder.build(
      directory: collection.directory, labelsFile: nil, workers: 3,
      prober: { path throws(ProbeFailure) in
        probed.withLock { $0 += 1 }
        return try fakeProbe(path)
      },
      progress: { done, total in
        #expect(total == count)
        let waiting = probed.withLock { $0 } - done
        most.withLock { $0 = max($0, waiting) }
      })
    #expect(probed.withLock { $0 } == count)
    #expect((1...3 * 32).contains(most.withLock { $0 }))
  }

  @Test func aFullDiskIsNamedAndThePassGoesOnBehindIt() throws {
    let whole = try Self.collection()
    _ = try Self.build(whole)
    let disk = whole.directory + "/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    try #require(mount("sluice-opening", disk, "tmpfs", 0, "size=4m") == 0)
    defer { umount2(disk, Int32(MNT_DETACH)) }
    for name in ["manifest.jsonl", "labels.txt"] {
      try FileManager.default.copyItem(atPath: "\(whole.directory)/\(name)", toPath: "\(disk)/\(name)")
    }
    func build(_ progress: @escaping (Int) -> Void) throws -> CorpusBuildReport {
      let prober = CountingProber()
      return try CorpusBuilder.build(
        directory: disk, labelsFile: nil, workers: 2,
        prober: { path throws(ProbeFailure) in try prober.probe(path) }, interval: .milliseconds(1),
        progress: { done, _ in progress(done) })
    }
    let error = corpusError {
      _ = try build { done in
        guard (60..<64).contains(done) else { return }
        let descriptor = open("\(disk)/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        let bytes = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, bytes, bytes.count) > 0 {}
      }
    }
    #expect(
      error?.message.hasPrefix("\(disk)/corpus.sqlite.building/corpus.sqlite: cannot write: No space left") == true,
      "\(error?.description ?? "")")
    unlink("\(disk)/ballast")
    let report = try build { _ in }
    #expect(report.before > 0)
    #expect(try indexContent(disk) == indexContent(whole.directory))
  }
}
