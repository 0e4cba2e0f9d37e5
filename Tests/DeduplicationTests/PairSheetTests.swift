import Corpus
import Foundation
import Tensors
import Testing
import Video

import Deduplication

/// The sheet as a picture, of videos whose every frame has a colour of its own.
@Suite struct PairSheetTests {
  /// Its red says which frame it is, its green which video.
  private static func red(_ frame: Int) -> Int { 40 + 2 * frame }

  private static func write(_ path: String, green: UInt8) throws {
    let writer = try VideoWriter(path: path, width: 64, height: 48, framesPerSecond: (num: 25, den: 1))
    for frame in 0..<100 {
      let rgb = Array([[UInt8]](repeating: [UInt8(red(frame)), green, 128], count: 64 * 48).joined())
      try rgb.withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
  }

  private static func sourceGreen(_ video: Int) -> UInt8 { UInt8(20 + 40 * video) }
  private static func targetGreen(_ video: Int) -> UInt8 { UInt8(160 + 50 * video) }

  /// Three videos at the distances 0.1, 0 and 0.5 of one of two targets, at known seconds.
  private static func pairs(_ source: FakeIndex, _ target: FakeIndex) throws -> [Deduplicator.Pair] {
    for video in 0..<3 { try write("\(source.directory)/\(video).mp4", green: sourceGreen(video)) }
    for video in 0..<2 { try write("\(target.directory)/\(video).mp4", green: targetGreen(video)) }
    let targetFile = try target.features("t", [[1, 0, 0], [0, 1, 0]], rows: target.rows(), seconds: [3, 1])
    let (near, far) = (Float(0.9), Float(0.5))
    let features: [[Float]] = [
      [(1 - near * near).squareRoot(), near, 0], [1, 0, 0], [far, 0, (1 - far * far).squareRoot()],
    ]
    let file = try source.features("s", features, rows: source.rows(), seconds: [2, 1.5, 0])
    return try Deduplicator(source.corpus(), against: [target.corpus()], workers: 1)
      .byFeatures([file], targetFiles: [targetFile], distance: 0.3, progress: { _, _, _ in }).pairs
  }

  /// Whether each cell shows its frame of its video; libav reads a PNG as a video of one frame.
  private static func expect(
    _ path: String, _ rows: [(source: Int, at: [Int], target: Int, targetAt: [Int])],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let decoder = try VideoDecoder(path: path)
    #expect(decoder.info.width == 6 * 128 && decoder.info.height == 96 * rows.count, sourceLocation: sourceLocation)
    let size = FrameSize.exact(height: decoder.info.height, width: decoder.info.width)
    let picture = try decoder.frames(at: [0], size: size)
    for (number, row) in rows.enumerated() {
      let cells =
        row.at.map { (red($0), Int(sourceGreen(row.source))) }
        + row.targetAt.map { (red($0), Int(targetGreen(row.target))) }
      for (column, cell) in cells.enumerated() {
        let place = ((number * 96 + 48) * 6 * 128 + column * 128 + 64) * 3
        let (red, green) = (Int(picture.frame(0)[place]), Int(picture.frame(0)[place + 1]))
        #expect(
          abs(red - cell.0) <= 8 && abs(green - cell.1) <= 8,
          "row \(number), column \(column): \(red), \(green) for \(cell)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test func framesOfPairsAreWhereTheyBelong() throws {
    let (source, target) = (try FakeIndex([.train, .train, .train]), try FakeIndex([.train, .test]))
    let pairs = try Self.pairs(source, target)
    let path = "\(source.directory)/sheet.png"
    // Half a second before, at the place, and after it, at 25 frames a second; none lie before the first.
    let rows = [
      (source: 1, at: [25, 37, 50], target: 0, targetAt: [62, 75, 87]),
      (source: 0, at: [37, 50, 62], target: 1, targetAt: [12, 25, 37]),
      (source: 2, at: [0, 0, 12], target: 0, targetAt: [62, 75, 87]),
    ]
    #expect(try PairSheet.write(pairs, nearestTo: 0.3, count: 24, to: path))
    try Self.expect(path, rows)
    #expect(try PairSheet.write(pairs, nearestTo: 0.3, count: 2, to: path))
    try Self.expect(path, Array(rows[1...]))
    #expect(try PairSheet.write(pairs, nearestTo: 0, count: 1, to: path))
    try Self.expect(path, Array(rows[..<1]))

    #expect(try !PairSheet.write([], nearestTo: 0.3, count: 24, to: path))
    #expect(!FileManager.default.fileExists(atPath: path), "one of an earlier search is not this one's")
  }
}
