import Foundation
import Synthesis
import Testing
import Video

import Deduplication

/// Hashes of a rendered video and of what people make of it.
@Suite struct VideoHasherTests {
  private static let size = (height: 96, width: 128)

  /// A picture of soft blobs, another for each seed.
  private static func picture(_ seed: Float, _ map: (_ y: Float, _ x: Float) -> (Float, Float) = { ($0, $1) })
    -> [UInt8]
  {
    (0..<size.height * size.width).map { place in
      let (y, x) = map(
        Float(place / size.width) / Float(size.height), Float(place % size.width) / Float(size.width))
      let waves = sin(7 * x + seed) + sin(5 * y + 2 * seed) + sin(11 * (x + y) + 3 * seed) + sin(9 * (x - y) * seed)
      return UInt8(128 + 28 * waves)
    }
  }

  private static func sums(_ picture: [UInt8]) -> FrameSums {
    picture.withUnsafeBytes { FrameSums($0, height: size.height, width: size.width) }
  }

  private static func hash(_ picture: [UInt8], region: Int = 0) -> FrameHash {
    sums(picture).hash(HashRole.target.regions[region])
  }

  @Test func aMirroredPictureHasTheMirroredHash() {
    let hash = Self.hash(Self.picture(1))
    let mirrored = Self.hash(Self.picture(1) { ($0, 1 - 1 / Float(Self.size.width) - $1) })
    #expect(mirrored.distance(to: hash.mirrored) <= 4)
    #expect(mirrored.distance(to: hash) > 64)
    #expect(hash.mirrored.mirrored == hash)
    #expect(FrameHash(1, 0, 0, 0x1_0002).mirrored == FrameHash(1 << 15, 0, 0, 0x8000_4000))
  }

  @Test func lightDoesNotMatterAndOtherPicturesAreFar() {
    let picture = Self.picture(1)
    let hash = Self.hash(picture)
    let darker = picture.map { UInt8(Float($0) * 0.6 + 30) }
    #expect(Self.hash(darker).distance(to: hash) <= 16)
    for seed in 2..<8 { #expect(Self.hash(Self.picture(Float(seed))).distance(to: hash) > 48) }
  }

  /// Bit by bit, from the definition.
  @Test func aBitSaysWhetherACellIsLighterThanThoseAroundIt() {
    let picture = Self.picture(3)
    func cell(_ row: Int, _ column: Int) -> Float {
      func inside(_ place: Int) -> Int { place < 0 ? -place : place < 16 ? place : 30 - place }
      var sum: Float = 0
      for y in 0..<6 {
        for x in 0..<8 { sum += Float(picture[(inside(row) * 6 + y) * Self.size.width + inside(column) * 8 + x]) }
      }
      return sum / 48
    }
    let wanted = (0..<256).map { bit in
      let (row, column) = (bit / 16, bit % 16)
      let around = (row - 2...row + 2).map { y in (column - 2...column + 2).reduce(0) { $0 + cell(y, $1) } }
      let smooth = [(-1, 1), (0, 2), (1, 1)].map { (y, vertical) in
        Float(vertical) * (cell(row + y, column - 1) + 2 * cell(row + y, column) + cell(row + y, column + 1)) / 16
      }
      return smooth.reduce(0, +) - around.reduce(0, +) / 25 - 0.5
    }
    let hash = Self.hash(picture)
    let words = [hash.words.0, hash.words.1, hash.words.2, hash.words.3]
    for bit in 0..<256 where abs(wanted[bit]) > 0.01 {
      #expect((words[bit / 64] >> UInt64(bit % 64) & 1 == 1) == (wanted[bit] > 0), "bit \(bit)")
    }
  }

  /// Crops on any side are near one of the windows, the nearest that at their place.
  @Test(arguments: [(0, 0, 1), (0, 4, 3), (2, 2, 5), (4, 0, 7), (4, 4, 9), (0, 1, 10), (4, 3, 25)])
  func aCropIsLikeTheWindowAtItsPlace(top: Int, left: Int, region: Int) {
    let (y, x) = (0.025 * Float(top), 0.025 * Float(left))
    let crop = Self.hash(Self.picture(4) { (y + 0.9 * $0, x + 0.9 * $1) })
    let distances = HashRole.target.regions.indices.map { crop.distance(to: Self.hash(Self.picture(4), region: $0)) }
    #expect(distances[region] <= 16 && distances[region] == distances.min())
  }

  @Test func aStripAtAnEdgeIsLeftOut() {
    let hash = Self.hash(Self.picture(5))
    var caption = Self.picture(5)
    for place in caption.indices where place >= caption.count * 7 / 8 {
      caption[place] = place.isMultiple(of: 3) ? 235 : 24
    }
    #expect(Self.hash(caption).distance(to: hash) <= 4)
    let other = FrameHash(hash.words.0, hash.words.1 ^ 0xFF, hash.words.2, ~hash.words.3)
    #expect(other.distance(to: hash) == 10)
  }

  @Test func evenPicturesHaveNoStructure() {
    #expect(!Self.sums([UInt8](repeating: 17, count: Self.size.height * Self.size.width)).hasStructure)
    #expect(Self.sums(Self.picture(2)).hasStructure)
  }

  @Test func everyKindOfCopyIsFound() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("copies-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var options = SynthesisOptions()
    (options.videos, options.labels, options.validationPerLabel) = (6, 4, 0)
    options.secondsRange = 5...5
    (options.width, options.height) = (160, 120)
    try Synthesizer.run(options, into: directory) { _, _ in }
    let videos = (0..<6).map { "\(directory)/videos/00000\($0).mp4" }
    let targets = try videos.map { try VideoHasher.hashes(path: $0, role: .target) }
    let index = TargetIndex(targets)
    for (number, path) in videos.enumerated() {
      let own = try VideoHasher.hashes(path: path, role: .corpus)
      #expect(index.matches(own).first?.target == number && index.matches(own).first?.distance == 0)
      #expect(targets[number].thinned == own && targets[number].seconds.count == HashRole.density * own.seconds.count)
    }
    for (number, kind) in Reupload.allCases.enumerated() {
      let source = number % 6
      let copy = "\(directory)/\(kind.rawValue).mp4"
      try kind.write(videos[source], seed: 3, to: copy)
      let info = try VideoProbe.probe(path: copy)
      #expect(info.frameCount > 0)
      if kind == .excerpt { #expect(abs(info.durationSeconds - 3) < 0.2) }
      if kind == .faster { #expect(abs(info.durationSeconds - 4) < 0.2) }
      if kind == .scaled || kind == .cropped { #expect(info.width < 160 && info.height < 120) }
      let found = index.matches(try VideoHasher.hashes(path: copy, role: .corpus)).first
      #expect(found?.target == source, "\(kind)")
      #expect(found?.isMirrored == (kind == .mirrored), "\(kind)")
      // Coding takes more of such small pictures than of those that the default distance is for.
      #expect(found?.distance ?? .max <= 48, "\(kind)")
    }
  }
}
