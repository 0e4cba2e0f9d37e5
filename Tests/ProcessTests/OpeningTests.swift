import Foundation
import Glibc
import Testing

/// Building an index with processes that are killed.
@Suite(.serialized) struct OpeningTests {
  /// A collection of many names for the videos of the small corpus.
  private static func collection(_ count: Int) throws -> String {
    let source = try SmallCorpus.shared.get().directory
    let directory = Workspace.shared.scratch().path
    try FileManager.default.createDirectory(atPath: "\(directory)/videos", withIntermediateDirectories: false)
    try FileManager.default.copyItem(atPath: "\(source)/labels.txt", toPath: "\(directory)/labels.txt")
    let rows = try String(contentsOfFile: "\(source)/manifest.jsonl", encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    var manifest = Data()
    for number in 0..<count {
      var row = rows[number % rows.count]
      let video = try #require(row["file"] as? String)
      row["file"] = "videos/\(number).mp4"
      symlink("\(source)/\(video)", "\(directory)/videos/\(number).mp4")
      manifest += try JSONSerialization.data(withJSONObject: row) + Data("\n".utf8)
    }
    try manifest.write(to: URL(fileURLWithPath: "\(directory)/manifest.jsonl"))
    return directory
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  @Test func aKilledBuildGoesOn() throws {
    let directory = try Self.collection(1500)
    let build = ["corpus", "build", directory, "--json"]
    let undisturbed = try Sluice.run(build).json()
    #expect(undisturbed["before"] as? Int == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    #expect(names == ["corpus.sqlite", "labels.txt", "manifest.jsonl", "videos"])
    try FileManager.default.removeItem(atPath: "\(directory)/corpus.sqlite")

    let partial = "\(directory)/corpus.sqlite.building/corpus.sqlite"
    var (kills, reached) = (0, 0)
    while kills < 2 {
      let live = try Sluice.Live(build + ["--workers", "1"])
      // When it grows once more, what it grew by before is committed.
      var sizes: Set<Int> = []
      let isEnded = try eventually("a commit") {
        if !live.process.isRunning { return true }
        sizes.insert(Self.size(partial))
        return sizes.count { $0 > reached } > 1 ? false : nil
      }
      // A fast machine may be through.
      if isEnded { break }
      if kills == 0 {
        let second = try Sluice.run(build)
        #expect(second.status > 0 && second.stderr.contains("corpus.sqlite.building: another process builds the index"))
      }
      kill(live.process.processIdentifier, SIGKILL)
      guard try live.wait(seconds: 60).signal == SIGKILL else { break }
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/corpus.sqlite"))
      (kills, reached) = (kills + 1, Self.size(partial))
    }
    #expect(kills > 0)
    let report = try Sluice.run(build).json()
    #expect(kills < 2 || report["before"] as? Int ?? 0 > 0)
    #expect(
      report.filter { $0.key != "before" } as NSDictionary == undisturbed.filter { $0.key != "before" } as NSDictionary)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == names)
  }
}
