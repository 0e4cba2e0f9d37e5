import Foundation
import Testing

/// Damaged files: left out at indexing, or quarantined in the run; nothing hangs, and the result is still a function of
/// the files.
@Suite(.serialized) struct DamageTests {
  enum Damage: Int, CaseIterable { case truncated, empty, text, noFrames, flipped }

  /// Damages a video file in place.
  static func damage(_ path: String, _ how: Damage) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    switch how {
    case .truncated: data = data.prefix(data.count / 3)
    case .empty: data = Data()
    case .text: data = Data("this is not a video\n".utf8)
    case .noFrames: data = data.prefix(48)
    case .flipped: for index in stride(from: 300, to: data.count, by: 97) { data[index] ^= 0x55 }
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  /// Overwrites a few bytes, or a block of them, in place.
  static func mutate(_ path: String, _ seed: Int) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: path))
    let length = seed % 3 == 0 ? data.count / 4 : 3
    for place in 0..<length {
      let index = seed % 3 == 0 ? data.count / 2 + place : (seed &* 7919 &+ place &* 104_729) % data.count
      data[index] ^= UInt8(truncatingIfNeeded: 1 + seed &* 31 &+ place &* 17)
    }
    try data.write(to: URL(fileURLWithPath: path))
  }

  @Test func aRunWithDamagedFilesEndsWell() throws {
    let directory = Workspace.shared.root.appendingPathComponent("damaged").path
    let made = try Sluice.run([
      "synthesize", directory, "--videos", "160", "--labels", "4", "--seconds", "2", "--validation-per-label", "3",
      "--seed", "5",
    ])
    #expect(made.status == 0, "\(made.stderr)")
    let videos = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/videos").sorted()
    for kind in Damage.allCases { try Self.damage("\(directory)/videos/\(videos[kind.rawValue * 7])", kind) }
    let built = try Sluice.run(["corpus", "build", directory, "--json"])
    #expect(built.status == 0, "\(built.stderr)")
    var later = Damage.allCases.map { videos[$0.rawValue * 7 + 3] }
    for (name, kind) in zip(later, Damage.allCases) { try Self.damage("\(directory)/videos/\(name)", kind) }
    // And 60 whose size stays, so that the index is only found out by what they hold.
    for (place, name) in videos[40..<100].enumerated() { try Self.mutate("\(directory)/videos/\(name)", place) }
    later += videos[40..<100]

    var topology = SmallTopology(corpus: directory)
    topology.steps = 40
    topology.extra = "max_bad_fraction: 1"
    let one = try RunHandle(topology).report()
    let quarantined = try #require(one["quarantined"] as? [[String: String]])
    let earlier = Damage.allCases.map { videos[$0.rawValue * 7] }
    #expect(quarantined.count >= 20, "\(quarantined)")
    for entry in quarantined {
      let name = try #require(entry["video"]?.split(separator: "/").last.map(String.init))
      #expect(later.contains(name) && !earlier.contains(name))
      #expect(entry["reason"]?.isEmpty == false)
    }
    topology.count(["decode": 3, "augment": 2, "train": 2])
    let many = try RunHandle(topology).report()
    #expect(try hash(one) == hash(many))
    #expect(Set(quarantined) == Set(try #require(many["quarantined"] as? [[String: String]])))
    #expect(one["substitutes"] as? Int == many["substitutes"] as? Int)
  }
}
