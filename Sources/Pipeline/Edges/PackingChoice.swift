/// Whether to pack what goes over one link (`links.compression: auto`): a pure function of what was measured there. Packing pays
/// where the link takes longer for the bytes that it saves than a core takes to pack and unpack them.
package struct PackingChoice: Sendable, Equatable {
  /// What is packed and what is not is measured again now and then: one message in so many goes the other way.
  package static let probeInterval = 64
  /// Messages of each kind before anything is decided.
  private static let fewest = 8
  /// Weight of the newest message in the means.
  private static let weight = 0.125
  /// The link's rate is the median of so many messages: one that waited for a core says nothing about the link.
  private static let carriedCount = 15
  /// LZ4 unpacks about four times as fast as it packs.
  private static let unpackShare = 0.25
  /// Once packing, gain and cost may be equal; before, the gain must be larger by so much.
  private static let hysteresis = 1.5

  /// Whether messages are packed, but for the one that measures.
  package private(set) var isPacking = true
  private var packedCount = 0
  private var packSecondsPerByte = 0.0
  private var remainingShare = 1.0
  private var carried: [Double] = []
  private var sinceProbe = 0

  package init() {}

  /// Of the bytes, what is left of them after packing; nil before it was tried.
  package var packedShare: Double? { packedCount > 0 ? remainingShare : nil }

  /// Nil before anything was sent.
  package var bytesPerSecond: Double? { secondsPerByte.map { 1 / $0 } }

  private var secondsPerByte: Double? {
    carried.isEmpty ? nil : carried.sorted()[carried.count / 2]
  }

  /// Whether the next message is packed.
  package mutating func packsNext() -> Bool {
    sinceProbe += 1
    guard !isPacking, sinceProbe >= Self.probeInterval else { return isPacking }
    sinceProbe = 0
    return true
  }

  /// A message was packed.
  /// - Parameter remaining: bytes that it has then; all of them where packing was given up.
  package mutating func packed(bytes: Int, remaining: Int, seconds: Double) {
    guard bytes > 0 else { return }
    let weight = packedCount == 0 ? 1 : Self.weight
    packedCount += 1
    packSecondsPerByte += weight * (seconds / Double(bytes) - packSecondsPerByte)
    remainingShare += weight * (Double(remaining) / Double(bytes) - remainingShare)
    decide()
  }

  /// The link took so long for a message, from when it was free for it.
  package mutating func carried(bytes: Int, seconds: Double) {
    guard bytes > 0, seconds > 0 else { return }
    carried.append(seconds / Double(bytes))
    if carried.count > Self.carriedCount { carried.removeFirst() }
    decide()
  }

  private mutating func decide() {
    guard packedCount >= Self.fewest, carried.count >= Self.fewest, let secondsPerByte else { return }
    let gain = (1 - remainingShare) * secondsPerByte
    let cost = (1 + Self.unpackShare) * packSecondsPerByte
    isPacking = gain > (isPacking ? cost : Self.hysteresis * cost)
  }
}
