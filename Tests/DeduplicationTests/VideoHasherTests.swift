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

  private static func hash(_ picture: [UInt8], region: Int = 0) -> FrameHash? {
    picture.withUnsafeBytes {
      FrameTransform.hash($0, height: size.height, width: size.width, region: FrameRegion.all[region])
    }
  }

  @Test func aMirroredPictureHasTheMirroredHash() throws {
    let hash = try #require(Self.hash(Self.picture(1)))
    let mirrored = try #require(Self.hash(Self.picture(1) { ($0, 1 - 1 / Float(Self.size.width) - $1) }))
    #expect(mirrored.distance(to: hash.mirrored) <= 8)
    #expect(mirrored.distance(to: hash) > 64)
    #expect(hash.mirrored.mirrored == hash)
  }

  @Test func lightDoesNotMatterAndOtherPicturesAreFar() throws {
    let picture = Self.picture(1)
    let hash = try #require(Self.hash(picture))
    let darker = picture.map { UInt8(Float($0) * 0.6 + 30) }
    #expect(try #require(Self.hash(darker)).distance(to: hash) <= 24)
    for seed in 2..<8 { #expect(try #require(Self.hash(Self.picture(Float(seed)))).distance(to: hash) > 24) }
  }

  @Test func aCropIsLikeTheMiddle() throws {
    let middle = try #require(Self.hash(Self.picture(4), region: 1))
    let crop = try #require(Self.hash(Self.picture(4) { (0.05 + 0.9 * $0, 0.05 + 0.9 * $1) }))
    #expect(crop.distance(to: middle) <= 48)
    #expect((crop.coarse ^ middle.coarse).nonzeroBitCount <= TargetIndex.radius)
  }

  @Test func evenPicturesHaveNoHash() {
    #expect(Self.hash([UInt8](repeating: 17, count: Self.size.height * Self.size.width)) == nil)
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
    let index = TargetIndex(try videos.map { try VideoHasher.hashes(path: $0, rate: CorpusHasher.targetRate) })
    for (number, kind) in Reupload.allCases.enumerated() {
      let source = number % 6
      let copy = "\(directory)/\(kind.rawValue).mp4"
      try kind.write(videos[source], seed: 3, to: copy)
      let info = try VideoProbe.probe(path: copy)
      #expect(info.frameCount > 0)
      if kind == .excerpt { #expect(abs(info.durationSeconds - 3) < 0.2) }
      if kind == .faster { #expect(abs(info.durationSeconds - 4) < 0.2) }
      if kind == .scaled || kind == .cropped { #expect(info.width < 160 && info.height < 120) }
      let found = index.matches(try VideoHasher.hashes(path: copy, rate: CorpusHasher.corpusRate)).first
      #expect(found?.target == source, "\(kind)")
      #expect(found?.isMirrored == (kind == .mirrored), "\(kind)")
    }
  }
}
