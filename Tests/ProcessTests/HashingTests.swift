import Foundation
import Glibc
import Testing

/// Hashing at indexing time, with processes that are killed.
@Suite(.serialized) struct HashingTests {
  /// What `corpus list` prints.
  private static func list(_ directory: String, _ options: [String] = []) throws -> [[String: Any]] {
    try Sluice.run(["corpus", "list", directory] + options).stdout.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// The small corpus in a directory of its own, with a video that cannot be decoded.
  private static func corpus() throws -> (directory: String, count: Int, damaged: String) {
    let source = try SmallCorpus.shared.get().directory
    let directory = Workspace.shared.scratch().path
    for name in ["corpus.sqlite", "videos"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(directory)/\(name)")
    }
    let videos = try list(directory)
    let damaged = try #require(videos[videos.count / 4]["file"] as? String)
    try Data("no video".utf8).write(to: URL(fileURLWithPath: "\(directory)/\(damaged)"))
    return (directory, videos.count, damaged)
  }

  private static func hash(_ directory: String) throws -> (report: [String: Any], stderr: String) {
    let output = try Sluice.run(["corpus", "hash", directory, "--target", "--json"])
    try #require(output.status == 0, "\(output.stderr)")
    return (try output.json(), output.stderr)
  }

  private static func bytes(_ directory: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(directory)/hashes-8.0.bin"))
  }

  private static func names(_ directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix("hashes") }.sorted()
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  @Test func killedHashingGoesOn() throws {
    let (plain, count, damaged) = try Self.corpus()
    let killed = try Self.corpus().directory
    let (undisturbed, errors) = try Self.hash(plain)
    #expect(undisturbed["videos"] as? Int == count && undisturbed["before"] as? Int == 0)
    #expect(undisturbed["failed"] as? Int == 1 && errors.contains("\(damaged): is kept, it has no hash: "))
    let names = try Self.names(plain)
    #expect(names == ["hashes-8.0.bin", "hashes-8.0.failed.jsonl"])
    let failed = try String(contentsOfFile: "\(plain)/hashes-8.0.failed.jsonl", encoding: .utf8)
    #expect(failed.contains(#""file":"\#(damaged)""#) && failed.contains("reason"))

    let whole = try Self.bytes(plain)
    let partial = "\(killed)/hashes-8.0.bin.partial"
    for part in [8, 3] {
      let live = try Sluice.Live(["corpus", "hash", killed, "--target", "--workers", "1"])
      _ = try eventually("hashes") { Self.size(partial) > whole.count / part ? true : nil }
      kill(live.process.processIdentifier, SIGKILL)
      #expect(try live.wait(seconds: 60).signal == SIGKILL)
      #expect(try Self.names(killed) == ["hashes-8.0.bin.partial"])
    }
    // What a killed process may leave, and what a disk may do.
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: partial))
    try file.seek(toOffset: UInt64(whole.count / 6))
    try file.write(contentsOf: Data("damage".utf8))
    try file.close()
    let (report, told) = try Self.hash(killed)
    let before = try #require(report["before"] as? Int)
    #expect(before > 0 && before < count / 2, "\(before)")
    #expect(told.contains("\(partial): cut or damaged after \(before) of \(count) videos"), "\(told)")
    #expect(report["failed"] as? Int == 1)
    #expect(try Self.bytes(killed) == whole && Self.names(killed) == names)

    // Hashes that are there are not made again; damaged ones are.
    #expect(try Self.hash(killed).report["before"] as? Int == count - 1)
    truncate("\(killed)/hashes-8.0.bin", off_t(whole.count - 1))
    let (again, why) = try Self.hash(killed)
    #expect(again["before"] as? Int == 0 && why.contains("hashes-8.0.bin: of another index, or damaged: made again"))
    #expect(try Self.bytes(killed) == whole && Self.names(killed) == names)
  }

  @Test func twoProcessesHashOneDirectory() throws {
    let (directory, count, _) = try Self.corpus()
    let both = try (0..<2).map { _ in
      try Sluice.Live(["corpus", "hash", directory, "--target", "--workers", "1", "--json"])
    }
    let ends = try both.map { try $0.wait(seconds: 120) }
    #expect(ends.allSatisfy { $0.status == 0 }, "\(ends)")
    let before = try ends.map { try $0.json()["before"] as? Int ?? -1 }
    #expect(before.sorted() == [0, count - 1])
    #expect(try Self.names(directory) == ["hashes-8.0.bin", "hashes-8.0.failed.jsonl"])
  }

  @Test func videosThatAreAwayAreTriedAgain() throws {
    let (directory, count, damaged) = try Self.corpus()
    let (videos, away) = ("\(directory)/videos", "\(directory)/away")
    try FileManager.default.moveItem(atPath: videos, toPath: away)
    let nothing = try Sluice.run(["corpus", "hash", directory, "--target"])
    #expect(
      nothing.status > 0 && nothing.stderr.contains("none of its \(count) videos can be decoded"), "\(nothing.stderr)")
    #expect(try Self.names(directory).isEmpty)

    // Some of them are there.
    try FileManager.default.createDirectory(atPath: videos, withIntermediateDirectories: false)
    let files = try FileManager.default.contentsOfDirectory(atPath: away).sorted()
    for file in files.prefix(5) {
      try FileManager.default.copyItem(atPath: "\(away)/\(file)", toPath: "\(videos)/\(file)")
    }
    let part = try Self.hash(directory).report
    let failed = try #require(part["failed"] as? Int)
    #expect(failed >= count - 5 && failed < count)
    let other = try Self.corpus().directory
    let source = try SmallCorpus.shared.get().directory
    for name in ["manifest.jsonl", "labels.txt"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(other)/\(name)")
    }
    #expect(try Sluice.run(["corpus", "build", other, "--seed", "9"]).status == 0)
    let told = try Sluice.run(["corpus", "deduplicate", other, "--against", directory, "--output", "/dev/null"])
    #expect(told.stderr.contains("\(failed) of its videos could not be decoded and have no hash"), "\(told.stderr)")

    // All are there but the damaged one, which is mended later.
    try FileManager.default.removeItem(atPath: videos)
    try FileManager.default.moveItem(atPath: away, toPath: videos)
    let whole = try Self.hash(directory).report
    #expect(whole["failed"] as? Int == 1 && whole["before"] as? Int == count - failed)
    try FileManager.default.removeItem(atPath: "\(directory)/\(damaged)")
    try FileManager.default.copyItem(atPath: "\(source)/\(damaged)", toPath: "\(directory)/\(damaged)")
    let mended = try Self.hash(directory).report
    #expect(mended["failed"] as? Int == 0 && mended["before"] as? Int == count - 1)
    #expect(try Self.names(directory) == ["hashes-8.0.bin"])
    let hashes = try Self.bytes(directory)
    try FileManager.default.removeItem(atPath: "\(directory)/hashes-8.0.bin")
    _ = try Self.hash(directory)
    #expect(try Self.bytes(directory) == hashes)
  }

  @Test func aDamagedFileOfHashesIsMadeAgain() throws {
    let (directory, _, damaged) = try Self.corpus()
    try FileManager.default.removeItem(atPath: "\(directory)/\(damaged)")
    let source = try SmallCorpus.shared.get().directory
    try FileManager.default.copyItem(atPath: "\(source)/\(damaged)", toPath: "\(directory)/\(damaged)")
    func hash() throws -> Sluice.Output { try Sluice.run(["corpus", "hash", directory]) }
    #expect(try hash().status == 0)
    let path = URL(fileURLWithPath: "\(directory)/hashes-2.0.bin")
    let whole = try Data(contentsOf: path)
    // Header, number of videos, a row, an end (its highest byte), a checksum, a second, a hash.
    for place in [3, 40, 88, 95, 96, 104, 111, 112, whole.count - 40, whole.count - 1] {
      var bytes = whole
      bytes[place] ^= 0x41
      try bytes.write(to: path)
      let again = try hash()
      #expect(again.status == 0 && again.stderr.contains("damaged: made again"), "\(place): \(again.stderr)")
      #expect(try Data(contentsOf: path) == whole, "\(place)")
    }
  }

  @Test func videosThatNobodyHasOpenedAreNotHashed() throws {
    let directory = Workspace.shared.scratch().path
    let source = try SmallCorpus.shared.get().directory
    let matched = try Sluice.run(
      ["corpus", "match", "\(source)/manifest.jsonl", "--labels", "\(source)/labels.txt", "--index", directory])
    #expect(matched.status == 0, "\(matched.stderr)")
    for command in [
      ["corpus", "hash", directory],
      ["corpus", "deduplicate", directory, "--against", source, "--output", "/dev/null"],
    ] {
      let output = try Sluice.run(command)
      #expect(output.status > 0 && output.stderr.contains("`sluice corpus probe"), "\(output.stderr)")
    }
  }

  @Test func optionsThatContradictEachOther() throws {
    let directory = try SmallCorpus.shared.get().directory
    for (options, words) in [
      (["--features", "a"], "as many --target-features as --against"),
      (["--features", "a", "--target-features", "b"], "features need a --distance"),
      (["--target-features", "b"], "--features, too"),
      (["--distance", "0.5"], "a whole number of bits"),
    ] {
      let output = try Sluice.run(
        ["corpus", "deduplicate", directory, "--against", directory, "--output", "/dev/null"] + options)
      #expect(output.status > 0 && output.stderr.contains(words), "\(output.stderr)")
    }
  }

  @Test func anIndexIsListedByItsRows() throws {
    let directory = try SmallCorpus.shared.get().directory
    let videos = try Self.list(directory)
    #expect(videos.map { $0["row"] as? Int } == Array(videos.indices) && videos.count > 40)
    let splits = try ["train", "validation", "test"].map { try Self.list(directory, ["--split", $0]).count }
    #expect(splits[1] == 12 && splits.reduce(0, +) == videos.count)
    #expect(videos.allSatisfy { FileManager.default.fileExists(atPath: $0["path"] as? String ?? "") })
  }
}
