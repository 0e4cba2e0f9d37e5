import Foundation
import Tensors
import Testing
import Video

/// Streams that begin in the middle: pictures before the first keyframe, or leading pictures of an open GOP, are not
/// output by a linear decode, so they are not counted either.
struct CutStartTests {
  @Test(arguments: ["libx264", "libx265", "mpeg2video"])
  func framesAreThoseOfALinearDecode(codec: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("whole.ts")
    try TestVideo.write(to: path, frames: 50) { options in
      options.codec = codec
      options.bFrames = 2
      if codec == "libx264" { options.extraParameters = "open-gop=1:b-adapt=0" }
      if codec == "libx265" { options.extraParameters = "open-gop=1:b-adapt=0:min-keyint=12" }
    }
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let packetCount = whole.count / 188
    var fewest = Int.max
    for share in [10, 25, 40, 60] {
      let cut = try folder.write(Array(whole.dropFirst(packetCount * share / 100 * 188)), to: "cut\(share).ts")
      let reference = try LinearDecode.frames(of: cut)
      let decoder = try VideoDecoder(path: cut)
      #expect(decoder.info.frameCount == reference.count, "cut at \(share) %")
      #expect(try VideoProbe.probe(path: cut) == decoder.info)
      fewest = min(fewest, reference.count)
      var soundCount = 0
      for index in 0..<min(reference.count, decoder.info.frameCount) {
        guard let frame = try? decoder.frames(at: [index], size: .native) else { continue }
        soundCount += 1
        withExtendedLifetime(frame) {
          #expect(frame.frame(0).elementsEqual(reference[index].rgb), "frame \(index), cut at \(share) %")
        }
      }
      // A packet cut in half at the start may be damaged with all that refers to it.
      #expect(soundCount >= reference.count - 14)
    }
    #expect(fewest < 40)
  }
}
