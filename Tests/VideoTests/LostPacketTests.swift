import Foundation
import Testing
import Video

/// H.264 that lost a packet: libav guesses at the missing reference, and what it guesses depends on the non-reference pictures
/// decoded before.
struct LostPacketTests {
  @Test func aFrameIsTheSameAloneAndWithOthers() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.flv")
    try TestVideo.write(to: path, frames: 24) {
      $0.gop = 24
      $0.bFrames = 2
      $0.extraParameters = "ref=3:b-adapt=0:b-pyramid=none:scenecut=0"
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let tags = LostPacketTests.interFrameTags(whole)
    #expect(tags.count == 23)
    var changed = 0
    let sound = try LostPacketTests.decoded(path, frames: 24)
    for tag in tags {
      var bytes = whole
      bytes.removeSubrange(tag)
      let damaged = try folder.write(bytes, to: "damaged.flv")
      let alone = try LostPacketTests.decoded(damaged, frames: 23)
      let decoder = try VideoDecoder(path: damaged)
      for frame in 1..<23 {
        let pair = DamageTests.outcome(decoder, [frame - 1, frame])
        if case (.pixels(let first), .pixels(let second)) = (alone[frame - 1], alone[frame]) {
          #expect(pair == .pixels(first + second), "frame \(frame) without the packet at \(tag)")
        } else {
          #expect(!pair.isSound)
        }
      }
      changed += alone.count { !sound.contains($0) }
    }
    #expect(changed > 23, "no other frame needed the lost ones")
  }

  /// A damaged picture that nothing refers to makes libav fill a gap, unless it is skipped.
  @Test func aDamagedNumberThatMayBeSkippedIsSeen() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.flv")
    try TestVideo.write(to: path, frames: 12) {
      $0.gop = 24
      $0.bFrames = 1
      $0.extraParameters = "ref=1:b-adapt=0:b-pyramid=none:scenecut=0:weightp=0"
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    // Behind the tag's header, the picture's and the length: the NAL unit's header, whose second and third bits are 0 where
    // nothing refers to it.
    let units = LostPacketTests.interFrameTags(whole).map { $0.lowerBound + 20 }.filter { whole[$0] & 0x60 == 0 }
    #expect(units.count == 5)
    for unit in units.prefix(2) {
      for bit in 0..<24 {
        var bytes = whole
        bytes[unit + 1 + bit / 8] ^= 0x80 >> UInt8(bit % 8)
        let damaged = try folder.write(bytes, to: "damaged.flv")
        let alone = try LostPacketTests.decoded(damaged, frames: 12)
        let decoder = try VideoDecoder(path: damaged)
        for frame in 2..<12 {
          let pair = DamageTests.outcome(decoder, [frame - 2, frame])
          if case (.pixels(let first), .pixels(let second)) = (alone[frame - 2], alone[frame]) {
            #expect(pair == .pixels(first + second), "frame \(frame), bit \(bit) of the unit at \(unit)")
          } else {
            #expect(!pair.isSound)
          }
        }
      }
    }
  }

  /// Every frame by itself, each by a decoder of its own.
  private static func decoded(_ path: String, frames: Int) throws -> [DamageTests.Outcome] {
    let finding = try VideoProbe.index(path: path)
    #expect(finding.info.frameCount == frames)
    return try (0..<frames).map { DamageTests.outcome(try VideoDecoder(path: path), [$0]) }
  }

  /// Where the tags of pictures that are no keyframes lie, with the size after them (Adobe's FLV specification 10.1,
  /// annex E.4).
  private static func interFrameTags(_ bytes: [UInt8]) -> [Range<Int>] {
    var tags: [Range<Int>] = []
    var place = 13
    while place + 11 < bytes.count {
      let size = Int(bytes[place + 1]) << 16 | Int(bytes[place + 2]) << 8 | Int(bytes[place + 3])
      let end = place + 11 + size + 4
      // Video, and an inter frame of AVC that is a NAL unit.
      if bytes[place] == 9, bytes[place + 11] >> 4 == 2, bytes[place + 12] == 1 { tags.append(place..<end) }
      place = end
    }
    return tags
  }
}
