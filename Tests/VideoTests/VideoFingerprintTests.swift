import Testing
import Video

struct VideoFingerprintTests {
  @Test func isTheSameEachTime() {
    let first = VideoFingerprint.compute()
    #expect(first != nil && first == VideoFingerprint.compute())
    #expect(VideoFingerprint.libraryVersions.contains("libavcodec"))
  }
}
