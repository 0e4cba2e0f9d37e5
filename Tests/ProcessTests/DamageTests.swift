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

  @Test func aRunWithDamagedFilesEndsWell() throws {
    let directory = Workspace.shared.root.appendingPathComponent("damaged").path
    let made = try Sluice.run([
      "synthesize", directory, "--videos", "100", "--labels", "4", "--seconds", "2", "--validation-per-label", "3",
      "--seed", "5",
    ])
    #expect(made.status == 0, "\(made.stderr)")
    let videos = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/videos").sorted()
    for kind in Damage.allCases { try Self.damage("\(directory)/videos/\(videos[kind.rawValue * 7])", kind) }
    let built = try Sluice.run(["corpus", "build", directory, "--json"])
    #expect(built.status == 0, "\(built.stderr)")
    for kind in Damage.allCases { try Self.damage("\(directory)/videos/\(videos[kind.rawValue * 7 + 3])", kind) }

    var topology = SmallTopology(corpus: directory)
    topology.steps = 24
    let one = try RunHandle(topology).report()
    let quarantined = try #require(one["quarantined"] as? [[String: String]])
    let later = Damage.allCases.map { videos[$0.rawValue * 7 + 3] }
    let earlier = Damage.allCases.map { videos[$0.rawValue * 7] }
    #expect(quarantined.count >= 3, "\(quarantined)")
    for entry in quarantined {
      let name = try #require(entry["video"]?.split(separator: "/").last.map(String.init))
      #expect(later.contains(name) && !earlier.contains(name))
      #expect(entry["reason"]?.isEmpty == false)
    }
    topology.count(["decode": 3, "augment": 2, "train": 2])
    let many = try RunHandle(topology).report()
    #expect(try hash(one) == hash(many))
    #expect(one["substitutes"] as? Int == many["substitutes"] as? Int)
  }
}
