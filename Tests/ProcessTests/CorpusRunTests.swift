import Foundation
import Testing

/// From metadata to trained weights: hashtags, labels, copies of a target left out, square-root sampling, training.
@Suite(.serialized) struct CorpusRunTests {
  private static func run(_ arguments: [String]) throws -> [String: Any] {
    let output = try Sluice.run(arguments + ["--json"])
    try #require(output.status == 0, "\(arguments): \(output.stderr)")
    return try output.json()
  }

  private static func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func fromMetadataToWeights() throws {
    let root = Workspace.shared.scratch().path
    let (target, source) = ("\(root)/target", "\(root)/source")
    _ = try Self.run([
      "synthesize", target, "--videos", "24", "--labels", "4", "--seconds", "5", "--noise", "0", "--seed", "9",
      "--validation-per-label", "1",
    ])
    let made = try Self.run([
      "synthesize", source, "--videos", "40", "--labels", "4", "--seconds", "3-5", "--multi-label", "0.2",
      "--copies-of", target, "--copies", "14", "--seed", "10", "--validation-per-label", "1",
    ])
    #expect(made["copies"] as? Int == 14)

    // The metadata is matched with the labels; the manifest keeps the rows that have one.
    try FileManager.default.moveItem(atPath: "\(source)/manifest.jsonl", toPath: "\(source)/metadata.jsonl")
    let phrases = "\(root)/phrases.txt"
    try (try String(contentsOfFile: "\(source)/labels.txt", encoding: .utf8) + "fishing\nfish\n").write(
      toFile: phrases, atomically: true, encoding: .utf8)
    let index = try Self.run([
      "corpus", "match", "\(source)/metadata.jsonl", "--labels", phrases, "--index", "\(root)/index",
    ])
    #expect((index["warnings"] as? [String])?.first?.contains("belong to several labels, the first: #fish") == true)
    let matched = try Self.run([
      "corpus", "match", "\(source)/metadata.jsonl", "--labels", "\(source)/labels.txt", "--output",
      "\(source)/manifest.jsonl",
    ])
    #expect(matched["rows"] as? Int == 54 && (matched["warnings"] as? [String])?.isEmpty == true)
    for directory in [target, source] { _ = try Self.run(["corpus", "build", directory]) }

    let subset = "\(root)/without-copies.subset"
    // Copies of videos of 160x120 lie further off than those that the default distance is for.
    let report = try Self.run([
      "corpus", "deduplicate", source, "--against", target, "--distance", "40", "--output", subset, "--pairs",
      "\(root)/pairs.jsonl",
      "--sheet", "\(root)/pairs.png",
    ])
    let copies = try Self.lines("\(source)/truth.jsonl").filter { $0["copy_of"] != nil }
    #expect(copies.count == 14)
    let dropped = try Self.lines("\(root)/pairs.jsonl").filter { $0["dropped"] as? Bool == true }
    // Files under one name: some copies are held for validation, which is not deduplicated.
    let sourceOf = Dictionary(
      uniqueKeysWithValues: try copies.map { try ($0.text("file"), $0.text("copy_of")) })
    #expect(dropped.count >= 9 && dropped.count == report["dropped"] as? Int)
    for pair in dropped { #expect(try sourceOf[pair.text("file")] == pair.text("target_file")) }
    let png = try Data(contentsOf: URL(fileURLWithPath: "\(root)/pairs.png"))
    #expect(png.prefix(4) == Data([0x89, 0x50, 0x4E, 0x47]))

    // The rest is a subset of it, and trains.
    let rest = "\(root)/rest.subset"
    let chosen = try Self.run([
      "corpus", "subset", source, "--without", subset, "--videos", "20", "--tail-preserving", "--output", rest,
    ])
    #expect(chosen["videos"] as? Int == 20)
    // Directories may have `=` in their names.
    let odd = "\(root)/a=b"
    try FileManager.default.createSymbolicLink(atPath: odd, withDestinationPath: source)
    let plot = try Self.run([
      "corpus", "plot", source, odd, "\(odd)=\(rest)", "\(source)=\(rest)", "--output", "\(root)/a.svg",
    ])
    #expect(plot["labels"] as? [Int] == [4, 4, 4, 4])
    var topology = SmallTopology(corpus: source)
    topology.extra = "subset: \(rest)"
    topology.steps = 4
    // Videos with two labels are drawn for both.
    let trained = try RunHandle(topology, ["--set", "sampling.label_drawn=per-draw"])
    let run = try trained.report()
    #expect(run["samples_used"] as? Int == 4 * topology.replicas * topology.batch)
    #expect(FileManager.default.fileExists(atPath: "\(trained.output)/weights.safetensors"))
  }
}

extension [String: Any] {
  fileprivate func text(_ key: String) throws -> String { try #require(self[key] as? String) }
}
