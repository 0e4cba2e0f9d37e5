internal import Tensors

/// Two sums a channel, gathered part by part in any order of parts, and added up in order.
final class ChannelSums {
  private let partials: UnsafeMutablePointer<Double>
  /// Whether a part has begun; each is touched by one thread at a time.
  private let hasBegun: UnsafeMutablePointer<Bool>
  private let storage: AlignedBuffer
  private var channels = 0

  init(channelLimit: Int) {
    let doubles = 2 * ConvolutionParts.limit * channelLimit
    storage = AlignedBuffer(byteCount: doubles * MemoryLayout<Double>.stride + ConvolutionParts.limit)
    partials = storage.bytes.baseAddress!.bindMemory(to: Double.self, capacity: doubles)
    hasBegun = (storage.bytes.baseAddress! + doubles * MemoryLayout<Double>.stride)
      .bindMemory(to: Bool.self, capacity: ConvolutionParts.limit)
  }

  /// Starts new sums over so many channels.
  func begin(_ channels: Int) {
    self.channels = channels
    hasBegun.initialize(repeating: false, count: ConvolutionParts.limit)
  }

  /// The sums of one part, zero at first.
  func part(_ part: Int) -> (UnsafeMutablePointer<Double>, UnsafeMutablePointer<Double>) {
    let sums = partials + part * 2 * channels
    if !hasBegun[part] {
      sums.initialize(repeating: 0, count: 2 * channels)
      hasBegun[part] = true
    }
    return (sums, sums + channels)
  }

  /// Both sums over all parts.
  func totals(_ first: UnsafeMutablePointer<Double>, _ second: UnsafeMutablePointer<Double>) {
    first.update(repeating: 0, count: channels)
    second.update(repeating: 0, count: channels)
    for part in 0..<ConvolutionParts.limit where hasBegun[part] {
      let sums = partials + part * 2 * channels
      for channel in 0..<channels {
        first[channel] += sums[channel]
        second[channel] += sums[channels + channel]
      }
    }
  }
}
