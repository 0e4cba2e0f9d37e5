import Corpus
import Foundation
import Synthesis
import Testing
import Video

import Deduplication

/// A target of which not all videos can be copied.
@Suite struct CalibrationTests {
  private static func collection(_ name: String, videos: Int, seed: UInt64) throws -> String {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(UUID())").path
    var options = SynthesisOptions()
    (options.videos, options.labels, options.validationPerLabel, options.seed) = (videos, 2, 0, seed)
    options.secondsRange = 3...3
    (options.width, options.height) = (160, 120)
    options.setNoise(0)
    try Synthesizer.run(options, into: directory) { _, _ in }
    return directory
  }

  private static func damage(_ path: String) throws { try Data("no video".utf8).write(to: URL(fileURLWithPath: path)) }

  @Test func onlyWhatCanBeCopiedIsASource() throws {
    let directory = try Self.collection("target", videos: 4, seed: 1)
    let unrelated = try Self.collection("unrelated", videos: 2, seed: 2)
    let copies = "\(unrelated)/copies"
    try FileManager.default.createDirectory(atPath: copies, withIntermediateDirectories: true)
    defer { for path in [directory, unrelated] { try? FileManager.default.removeItem(atPath: path) } }
    let videos = (0..<4).map { "\(directory)/videos/00000\($0).mp4" }
    let black = try VideoWriter(path: videos[1], width: 160, height: 120, framesPerSecond: (num: 25, den: 1))
    for _ in 0..<75 {
      try [UInt8](repeating: 0, count: 160 * 120 * 3).withUnsafeBytes { try black.append(rgb: $0) }
    }
    try black.finish()
    for directory in [directory, unrelated] { _ = try CorpusBuilder.build(directory: directory, labelsFile: nil) }
    try Self.damage(videos[0])

    func calibrate(_ videos: Int) throws -> (result: Calibration?, error: String, warnings: [String]) {
      var warnings: [String] = []
      do {
        let result = try Calibration.run(
          target: Corpus(directory: directory), unrelated: Corpus(directory: unrelated), videos: videos, recall: 0.5,
          seed: 1, workers: 2, directory: copies, progress: { _, _, _ in }, warn: { warnings.append("\($0): \($1)") })
        return (result, "", warnings)
      } catch {
        return (nil, "\(error)", warnings)
      }
    }
    let kinds = Reupload.allCases.count
    let first = try calibrate(4)
    #expect(first.result?.copies == 2 * kinds && first.result?.targets == 4, "\(first)")
    #expect(first.result?.recall ?? 0 >= 0.5 && first.warnings.count == 1 && first.warnings[0].contains("000000.mp4"))
    #expect(try calibrate(1).result?.copies == kinds)

    // After they were hashed.
    try Self.damage(videos[2])
    let second = try calibrate(4)
    let without = second.warnings.filter { $0.contains("000002.mp4: no copy of it (") }
    #expect(second.result?.copies == kinds && without.count == kinds, "\(second)")
    #expect(second.warnings.count == kinds + 1 && second.warnings[0].contains("1 of its videos could not be decoded"))
    try Self.damage(videos[3])
    #expect(try calibrate(4).error.contains("\(directory): not one copy of its videos can be made"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: copies).isEmpty)
  }
}
