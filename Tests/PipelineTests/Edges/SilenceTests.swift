import Pipeline
import Testing

@Suite struct SilenceTests {
  /// Seconds of silence are looked at twice a second for ten minutes.
  @Test func itIsSaidAtAFallingRate() {
    var silence = Silence(since: 100)
    let said = (1...1200).compactMap { silence.worthAWord(now: 100 + Double($0) / 2) }
    #expect(said == [2, 4, 8, 16, 32, 64, 124, 184, 244, 304, 364, 424, 484, 544])
  }
}
