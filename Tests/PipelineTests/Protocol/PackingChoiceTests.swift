import Testing

import Pipeline

/// `links.compression: auto`, by hand-made measurements: LZ4 at 500 MB/s that leaves 40 %.
@Suite struct PackingChoiceTests {
  private static let bytes = 400_000

  private func measured(_ choice: PackingChoice = PackingChoice(), share: Double = 0.4, megabytes: Double)
    -> PackingChoice
  {
    var choice = choice
    for _ in 0..<40 {
      choice.packed(bytes: Self.bytes, remaining: Int(share * Double(Self.bytes)), seconds: Double(Self.bytes) / 500e6)
      choice.carried(bytes: Self.bytes, seconds: Double(Self.bytes) / (megabytes * 1e6))
    }
    return choice
  }

  @Test func packsUntilThereIsSomethingToGoBy() {
    var choice = PackingChoice()
    #expect(choice.isPacking && choice.packsNext())
    #expect(choice.packedShare == nil && choice.bytesPerSecond == nil)
    // One sample of a fast link is no reason.
    choice.packed(bytes: 100, remaining: 99, seconds: 1)
    choice.carried(bytes: 100, seconds: 1e-9)
    #expect(choice.isPacking)
  }

  @Test func packsForASlowLinkOnly() {
    let slow = measured(megabytes: 117)
    #expect(slow.isPacking)
    #expect(abs(slow.packedShare! - 0.4) < 1e-9)
    #expect(abs(slow.bytesPerSecond! - 117e6) < 1)
    #expect(!measured(megabytes: 1200).isPacking)
  }

  @Test func packsNothingThatDoesNotShrink() {
    #expect(!measured(share: 1, megabytes: 10).isPacking)
  }

  /// Gain and cost are equal at 240 MB/s: there it stays as it was, whatever that is.
  @Test func staysAsItIsWhereItHardlyMatters() {
    let (packing, plain) = (measured(megabytes: 100), measured(megabytes: 1200))
    #expect(measured(packing, megabytes: 200).isPacking)
    #expect(!measured(plain, megabytes: 200).isPacking)
    #expect(!measured(packing, megabytes: 300).isPacking)
    #expect(measured(plain, megabytes: 100).isPacking)
  }

  /// Single messages that waited for a core say nothing about the link.
  @Test func aFewLateMessagesChangeNothing() {
    var choice = measured(megabytes: 1200)
    for _ in 0..<6 { choice.carried(bytes: Self.bytes, seconds: 0.1) }
    #expect(!choice.isPacking)
  }

  @Test func whatIsNotPackedIsTriedNowAndThen() {
    var choice = measured(megabytes: 1200)
    let packed = (0..<(4 * PackingChoice.probeInterval)).count { _ in choice.packsNext() }
    #expect(packed == 4)
  }
}
