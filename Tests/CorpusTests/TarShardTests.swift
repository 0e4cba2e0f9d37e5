import Corpus
import Foundation
import Testing

/// Shards as the system's tar writes them, whole and damaged.
@Suite struct TarShardTests {
  private let directory = FileManager.default.temporaryDirectory
    .appendingPathComponent("tar-\(UUID().uuidString)").path
  private static let long = String(repeating: "deep/", count: 30) + "clip.mp4"

  /// Contents by name; one with a name too long for a plain header.
  private static let contents: [String: [UInt8]] = [
    "a.mp4": Array(repeating: 1, count: 700), "a.json": Array(#"{"hashtags": ["x"]}"#.utf8), "empty.json": [],
    "sub/b.mp4": Array(repeating: 2, count: 512), long: Array(repeating: 3, count: 10_241),
  ]

  private func makeShard(format: String) throws -> String {
    for (name, bytes) in Self.contents {
      let url = URL(fileURLWithPath: "\(directory)/files/\(name)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: url)
    }
    let shard = "\(directory)/shard.tar"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["tar", "--format=\(format)", "-C", "\(directory)/files", "-cf", shard] + Self.contents.keys.sorted()
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return shard
  }

  @Test(arguments: ["gnu", "pax", "ustar"])
  func membersAreFoundInEveryFormat(format: String) throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var expected = Self.contents
    let shard = try TarShard(path: makeShard(format: format))
    for member in shard.members {
      #expect(try shard.read(member) == expected.removeValue(forKey: member.name), "\(member.name)")
    }
    #expect(expected.isEmpty)
  }

  @Test func whatIsCutOrNoTarSaysWhere() throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = try makeShard(format: "gnu")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let last = try #require(TarShard(path: path).members.last)
    func message(_ data: Data) throws -> String {
      try data.write(to: URL(fileURLWithPath: path))
      return try TarShard(path: path).damage ?? ""
    }
    #expect(
      try message(whole[..<(last.bytes.upperBound - 1)]).contains("the shard is cut: at byte \(last.bytes.lowerBound)"))
    #expect(try message(whole[..<(last.bytes.lowerBound - 100)]).contains("no tar header"))
    #expect(try message(Data(repeating: 7, count: 2000)).contains("no tar header at byte 0"))
    // What comes before the damage is whole.
    try whole[..<(last.bytes.upperBound - 1)].write(to: URL(fileURLWithPath: path))
    #expect(try TarShard(path: path).members.count == Self.contents.count - 1)
    var flipped = whole
    flipped[124] ^= 1
    #expect(try message(flipped).contains("no tar header at byte 0"))
    #expect(try message(Data()).isEmpty, "an empty file is an empty shard")
    #expect(corpusError { _ = try TarShard(path: path + ".gone") }?.message.contains("cannot be read") == true)
  }
}
