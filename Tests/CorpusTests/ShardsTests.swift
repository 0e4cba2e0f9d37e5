import Corpus
import Foundation
import Testing

/// Corpora whose videos lie in tar shards, in the WebDataset convention.
@Suite struct ShardsTests {
  private let collection: Collection

  init() throws { collection = try Collection(manifest: [], labels: "catching a fish\nriding a bike\n") }

  private func makeShard(_ name: String, _ files: [String: String]) throws {
    let folder = "\(collection.directory)/files"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
    try files.keys.sorted().joined(separator: "\n").write(
      toFile: "\(collection.directory)/names", atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "tar", "-C", folder, "-T", "\(collection.directory)/names", "-cf", "\(collection.directory)/\(name)",
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    try FileManager.default.removeItem(atPath: folder)
  }

  private func videos() throws -> [VideoRecord] {
    let corpus = try Corpus(directory: collection.directory)
    return try Split.allCases.flatMap { try corpus.videos(split: $0) }
  }

  @Test func aThousandMembersAreReadInPlace() throws {
    var files: [String: String] = [:]
    for number in 0..<500 {
      files["clip\(number).mp4"] = "video \(number)"
      files["clip\(number).json"] =
        number % 2 == 0 ? #"{"hashtags": ["catchingfish"]}"# : #"{"hashtags": ["ridingbike"]}"#
    }
    try makeShard("shard-0.tar", files)
    try FileManager.default.removeItem(atPath: "\(collection.directory)/manifest.jsonl")
    let report = try collection.build()
    #expect(report.rows == 500 && report.videos == 500)
    let shard = try Data(contentsOf: URL(fileURLWithPath: "\(collection.directory)/shard-0.tar"))
    for video in try videos() {
      let match = try #require(video.path.wholeMatch(of: /(.*)\/shard-0\.tar#(.*)@(\d+)\+(\d+)/))
      let (start, count) = (Int(match.3)!, Int(match.4)!)
      #expect("\(match.1)" == collection.directory)
      #expect(String(decoding: shard[start..<start + count], as: UTF8.self) == files[String(match.2)]?.description)
    }
    let again = try collection.build(workers: 1)
    #expect(again.fingerprint == report.fingerprint)
  }

  @Test func rowsNameShardsAndMembers() throws {
    try makeShard(
      "s.tar", ["a.mp4": "a", "a.json": #"{"labels": ["riding a bike"], "hashtags": ["fishcatching"]}"#, "b.webm": "b"])
    try collection.write(
      [
        #"{"shard": "s.tar", "split": "train"}"#,
        #"{"file": "s.tar#b.webm", "labels": ["riding a bike"], "split": "test"}"#,
      ].joined(separator: "\n"), to: "manifest.jsonl")
    let report = try collection.build()
    // b has no JSON, hence no label in the shard's own row.
    #expect(report.rows == 3 && report.unmatched == 1 && report.splits == ["train": 1, "validation": 0, "test": 1])
    #expect(try videos().map { $0.file.prefix { $0 != "@" } } == ["s.tar#a.mp4", "s.tar#b.webm"])
  }

  @Test func videosWithABrokenJSONAreLeftOut() throws {
    try makeShard(
      "s.tar",
      [
        "a.mp4": "a", "a.json": "{", "b.mp4": "b", "b.json": #"{"split": "trian"}"#, "c.mp4": "c",
        "c.json": #"{"labels": ["riding a bike"]}"#,
      ])
    func expectLeftOut(line: Int) throws {
      let report = try collection.build()
      #expect(report.rows == 3 && report.videos == 1)
      #expect(report.leftOut.map(\.line) == [line, line])
      #expect(report.leftOut.map { $0.file.prefix { $0 != "@" } } == ["s.tar#a.mp4", "s.tar#b.mp4"])
      #expect(report.leftOut[0].reason.contains("not a JSON object") && report.leftOut[1].reason.contains("trian"))
    }
    try collection.write(#"{"shard": "s.tar"}"#, to: "manifest.jsonl")
    try expectLeftOut(line: 1)
    try FileManager.default.removeItem(atPath: "\(collection.directory)/manifest.jsonl")
    try expectLeftOut(line: 0)
  }

  @Test func shardsThatAreCutOrGoneLoseWhatIsNotThere() throws {
    let json = #"{"labels": ["riding a bike"]}"#
    try makeShard(
      "s.tar", ["a.mp4": "a", "a.json": json, "b.mp4": String(repeating: "b", count: 5000), "b.json": json])
    let shard = "\(collection.directory)/s.tar"
    let bytes = try #require(try TarShard(path: shard).members.first { $0.name == "b.mp4" }).bytes
    let whole = try Data(contentsOf: URL(fileURLWithPath: shard))
    try whole[..<(bytes.upperBound - 1)].write(to: URL(fileURLWithPath: shard))
    try collection.write(
      [#"{"shard": "s.tar"}"#, #"{"shard": "none.tar"}"#].joined(separator: "\n"), to: "manifest.jsonl")
    let report = try collection.build()
    #expect(report.videos == 1 && report.leftOut.map(\.line) == [1, 2])
    #expect(report.leftOut.map(\.file) == ["s.tar", "none.tar"])
    #expect(report.leftOut[0].reason.contains("the shard is cut: at byte \(bytes.lowerBound)"))
    #expect(report.leftOut[1].reason.contains("none.tar: the shard cannot be read: No such file"))
  }

  @Test func membersAreFoundByName() throws {
    try makeShard("s.tar", ["a.mp4": "abc"])
    let shard = "\(collection.directory)/s.tar"
    #expect(try Shards.located("\(shard)#a.mp4").wholeMatch(of: /.*s\.tar#a\.mp4@[0-9]+\+3/) != nil)
    #expect(try Shards.located("other.mp4") == "other.mp4")
    #expect(
      corpusError { _ = try Shards.located("\(shard)#b.mp4") }?.message == "\(shard): the shard has no member b.mp4")
    #expect(corpusError { _ = try Shards.located("\(shard)x.tar#b.mp4") }?.message.contains("x.tar") == true)
  }
}
