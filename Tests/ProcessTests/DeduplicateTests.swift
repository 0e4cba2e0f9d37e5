import Foundation
import Testing

/// `corpus deduplicate` with what cannot end well.
@Suite(.serialized) struct DeduplicateTests {
  private let source: String
  private let target: String
  private let scratch: String

  /// Three videos to train on; the target has them, and two of its own for validation.
  init() throws {
    let (videos, scratch) = (try SmallCorpus.shared.get().directory, Workspace.shared.scratch().path)
    self.scratch = scratch
    let manifest = try String(contentsOfFile: "\(videos)/manifest.jsonl", encoding: .utf8).split(separator: "\n")
    func lines(_ split: String) throws -> [String] {
      let listed = try Sluice.run(["corpus", "list", videos, "--split", split]).stdout.split(separator: "\n")
      let files = try listed.map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])["file"] as? String ?? ""
      }
      return manifest.filter { line in files.contains { line.contains("\"\($0)\"") } }.map(String.init)
    }
    func corpus(_ name: String, _ lines: [String]) throws -> String {
      let directory = "\(scratch)/\(name)"
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try lines.joined(separator: "\n").write(toFile: "\(directory)/manifest.jsonl", atomically: true, encoding: .utf8)
      try FileManager.default.copyItem(atPath: "\(videos)/labels.txt", toPath: "\(directory)/labels.txt")
      try FileManager.default.createSymbolicLink(
        atPath: "\(directory)/videos", withDestinationPath: "\(videos)/videos")
      let built = try Sluice.run(["corpus", "build", directory])
      try #require(built.status == 0, "\(built.stderr)")
      return directory
    }
    let train = Array(try lines("train").prefix(3))
    source = try corpus("source", train)
    target = try corpus("target", train + lines("validation").prefix(2))
  }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func deduplicate(_ options: [String]) throws -> Sluice.Output {
    try Sluice.run(["corpus", "deduplicate", source] + options)
  }

  @Test func wherePairsAreAllThatIsLeft() throws {
    let (subset, pairs, sheet) = ("\(scratch)/rest.subset", "\(scratch)/pairs.jsonl", "\(scratch)/pairs.png")
    let options = ["--output", subset, "--pairs", pairs, "--sheet", sheet, "--distance", "40", "--against", target]
    let all = try deduplicate(options)
    #expect(all.status > 0 && all.stderr.contains("\(source): all 3 videos to train on are copies within 40 of"))
    #expect(all.stderr.contains("smaller --distance") && !isThere(subset))
    let found = try String(contentsOfFile: pairs, encoding: .utf8).split(separator: "\n")
    #expect(found.count == 3 && found.allSatisfy { $0.contains("\"dropped\":true") })
    #expect(isThere(sheet))

    // Those for validation alone show other things.
    let few = try deduplicate(options + ["--target-splits", "validation,test", "--json"])
    let report = try few.json()
    #expect(few.status == 0 && report["targets"] as? Int == 2 && report["dropped"] as? Int == 0, "\(few)")
    let others = try String(contentsOfFile: pairs, encoding: .utf8)
    #expect(isThere(subset) && isThere(sheet) == !others.isEmpty)
    #expect(few.stderr.contains("\(sheet): not there, no pair could be shown") == others.isEmpty)
  }

  @Test func whatCannotBeWrittenIsRefusedBeforeTheSearch() throws {
    try FileManager.default.createDirectory(atPath: "\(scratch)/a.png", withIntermediateDirectories: true)
    let subset = ["--output", "\(scratch)/x.subset"]
    let whole = subset + ["--against", target]
    for (options, words) in [
      (
        whole + ["--pairs", "\(scratch)/x.png", "--sheet", "\(scratch)/./x.png"],
        "--pairs and --sheet are the same file"
      ),
      (whole + ["--pairs", "\(scratch)/x.subset"], "--output and --pairs are the same file"),
      (whole + ["--pairs", "\(source)/corpus.sqlite"], "is the same file as \(source)/corpus.sqlite, which is read"),
      (whole + ["--pairs", ""], "--pairs must be the name of a file"),
      (whole + ["--pairs", "/nowhere/pairs"], "/nowhere/pairs: cannot create the file: No such file or directory"),
      (whole + ["--sheet", "\(scratch)/a.png"], "a.png: cannot create the file: Is a directory"),
      (whole + ["--sheet", "\(scratch)/x.jpg"], "--sheet writes a PNG: name it .png"),
      (["--output", "/nowhere/x", "--against", target], "/nowhere/x: cannot create the file"),
      (subset + ["--against", ""], "give a target with --against DIR"),
      (subset + ["--against", source], "has the index of \(source) itself"),
      (whole + ["--against", "\(target)/../target"], "give each target once"),
      (whole + ["--target-splits", "validation,none"], "--target-splits"),
    ] {
      let output = try deduplicate(options)
      #expect(output.status > 0 && output.stderr.contains(words), "\(options): \(output.stderr)")
    }
    let calibrated = try Sluice.run(["corpus", "calibrate", target, "--unrelated", target])
    #expect(calibrated.status > 0 && calibrated.stderr.contains("has the target's own index"), "\(calibrated.stderr)")
    let names = try [source, target].flatMap { try FileManager.default.contentsOfDirectory(atPath: $0) }
    #expect(!names.contains { $0.hasPrefix("hashes") })
  }
}
