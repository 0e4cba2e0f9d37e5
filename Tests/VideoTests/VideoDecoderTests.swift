import Foundation
import Testing
import Video

struct VideoDecoderTests {
  @Test func decodesWhatWasWritten() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("a.mp4")
    try TestVideo.write(to: path, frames: 60) { options in options.crf = 4 }
    let info = try VideoProbe.probe(path: path)
    #expect(info.frameCount == 60 && info.width == 64 && info.height == 48)
    #expect(info.framesPerSecond == 25 && abs(info.durationSeconds - 2.4) < 1e-9 && info.codec == "h264")
    let decoder = try VideoDecoder(path: path)
    #expect(decoder.info == info)
    let indices = [40, 3, 3, 59]
    let clip = try decoder.frames(at: indices, size: .native)
    #expect(clip.frames == 4 && clip.height == 48 && clip.width == 64)
    for (place, index) in indices.enumerated() {
      let expected = TestVideo.frame(index, width: 64, height: 48)
      let difference = zip(clip.frame(place), expected).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      #expect(Double(difference) / Double(expected.count) < 6, "frame \(index)")
    }
  }
}
