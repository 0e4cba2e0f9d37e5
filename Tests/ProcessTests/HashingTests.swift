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
    #expect(try Self.hash(killed).report["before"] as? Int == count)
    truncate("\(killed)/hashes-8.0.bin", off_t(whole.count - 1))
    let (again, why) = try Self.hash(killed)
    #expect(again["before"] as? Int == 0 && why.contains("hashes-8.0.bin: of another index, or damaged: made again"))
    #expect(try Self.bytes(killed) == whole)
  }

  @Test func twoProcessesHashOneDirectory() throws {
    let (directory, count, _) = try Self.corpus()
    let both = try (0..<2).map { _ in
      try Sluice.Live(["corpus", "hash", directory, "--target", "--workers", "1", "--json"])
    }
    let ends = try both.map { try $0.wait(seconds: 120) }
    #expect(ends.allSatisfy { $0.status == 0 }, "\(ends)")
    let before = try ends.map { try $0.json()["before"] as? Int ?? -1 }
    #expect(before.sorted() == [0, count])
    #expect(try Self.names(directory) == ["hashes-8.0.bin", "hashes-8.0.failed.jsonl"])
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
