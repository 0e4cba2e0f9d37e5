/// A video's frames, or some of a long one's, laid beside those of a target's.
struct Alignment {
  struct Best {
    /// The video's frames are laid on the target's at some speed and offset; of the frames' distances the k-th smallest counts. k is
    /// three quarters of the number of the video's frames, but 3 to 8 where both have so many. Of 256 bits.
    let distance: Int
    let seconds: Float
    let targetSeconds: Float
  }

  /// Of 256 bits: what differs in more are strangers, whatever the threshold.
  static let farthest = 96
  /// Ratios of speeds that are tried.
  private static let speeds: [Float] = [1, 1.25, 0.8]
  private static let fewestFrames = 3
  private static let mostFrames = 8

  /// Of 256 bits: where fewer frames than needed are so near to any frame of the target, no closer look is taken.
  private static let plausible = 80

  /// Frames that are laid at once, two minutes of a video, so that memory does not grow with the product of two lengths; each has as many of
  /// the ones before, since a copy's frames may lie in both.
  private static let longest = (frames: 256, shared: 16)

  private let seconds: [Float]
  /// Target's seconds are counted in these, of its rate.
  private let rate = Float(HashRole.target.rate)
  private let slotCount: Int
  /// Distance of the nearest region of the target in each slot, (frames, slots); and in it or one beside it.
  private let nearest: [UInt16]
  private var distances: [UInt16]
  private let needed: Int

  /// The best of all parts of a video.
  ///
  /// - Parameters:
  ///   - hashes: of the video's frames, one each.
  ///   - target: not empty.
  /// - Returns: nil if no part has enough frames like the target's.
  static func best(_ hashes: [FrameHash], seconds: [Float], target: VideoHashes) -> Best? {
    var best: Best?
    for first in stride(from: 0, to: max(1, hashes.count - longest.shared), by: longest.frames - longest.shared) {
      let part = first..<min(first + longest.frames, hashes.count)
      let found = Alignment(Array(hashes[part]), seconds: Array(seconds[part]), target: target)?.best()
      if let found, found.distance < best?.distance ?? .max { best = found }
    }
    return best
  }

  /// - Returns: nil if a glance at some of the target's frames and windows shows strangers.
  private init?(_ hashes: [FrameHash], seconds: [Float], target: VideoHashes) {
    let most = min(hashes.count * 3 / 4, Self.mostFrames)
    let there = (target.seconds.count + HashRole.density - 1) / HashRole.density
    needed = max(1, min(max(most, Self.fewestFrames), hashes.count, there))
    guard Self.isPlausible(hashes, target: target, needed: needed) else { return nil }
    self.seconds = seconds
    let rate = rate
    slotCount = 1 + (target.seconds.last.map { Int(($0 * rate).rounded()) } ?? 0)
    let slots = slotCount
    var nearest = [UInt16](repeating: .max, count: hashes.count * slots)
    var least = [UInt16](repeating: 0, count: target.seconds.count)
    for (number, hash) in hashes.enumerated() {
      hash.leastDistances(to: target.hashes, stride: target.regions, count: target.regions, into: &least)
      for (place, second) in target.seconds.enumerated() {
        let slot = number * slots + Int((second * rate).rounded())
        nearest[slot] = min(nearest[slot], least[place])
      }
    }
    self.nearest = nearest
    distances = nearest
    for number in hashes.indices {
      for slot in 0..<slots {
        for beside in max(0, slot - 1)...min(slots - 1, slot + 1) {
          distances[number * slots + slot] = min(
            distances[number * slots + slot], nearest[number * slots + beside])
        }
      }
    }
  }

  /// Has what a glance at the target needs brought into the cache, while another one is looked at.
  static func prefetch(_ target: VideoHashes) {
    FrameHash.prefetch(
      target.hashes, groups: glances(target), stride: 2 * target.regions, count: FrameRegion.searchedCount)
  }

  /// Every other frame is glanced at.
  private static func glances(_ target: VideoHashes) -> Int { (target.seconds.count + 1) / 2 }

  /// Whether enough of the hashes are near to any of the searched windows of every other frame of the target.
  private static func isPlausible(_ hashes: [FrameHash], target: VideoHashes, needed: Int) -> Bool {
    var least = [UInt16](repeating: 0, count: glances(target))
    var (near, left) = (0, hashes.count)
    for hash in hashes {
      hash.leastDistances(to: target.hashes, stride: 2 * target.regions, count: FrameRegion.searchedCount, into: &least)
      if least.contains(where: { $0 <= plausible }) { near += 1 }
      left -= 1
      if near == needed { return true }
      if near + left < needed { return false }
    }
    return false
  }

  /// The best of all speeds and offsets; nil if none brings enough frames within `farthest`.
  private func best() -> Best? {
    guard let first = seconds.first, let last = seconds.last else { return nil }
    var best: Best?
    for speed in Self.speeds {
      let (start, end) = (Int((first * rate * speed).rounded()), Int((last * rate * speed).rounded()))
      for offset in -end...slotCount - 1 - start {
        guard let found = laid(speed: speed, offset: offset), found.distance < best?.distance ?? .max else { continue }
        best = found
      }
    }
    return best
  }

  private func laid(speed: Float, offset: Int) -> Best? {
    var within: [(distance: UInt16, frame: Int, slot: Int)] = []
    for (frame, second) in seconds.enumerated() {
      let slot = Int((second * rate * speed).rounded()) + offset
      guard slot >= 0, slot < slotCount else { continue }
      let distance = distances[frame * slotCount + slot]
      if distance <= Self.farthest { within.append((distance, frame, slot)) }
    }
    guard within.count >= needed else { return nil }
    within.sort { ($0.distance, $0.frame) < ($1.distance, $1.frame) }
    let (frame, slot) = (within[0].frame, within[0].slot)
    let beside = max(0, slot - 1)...min(slotCount - 1, slot + 1)
    let place = beside.first { nearest[frame * slotCount + $0] == within[0].distance } ?? slot
    return Best(
      distance: Int(within[needed - 1].distance), seconds: seconds[frame], targetSeconds: Float(place) / rate)
  }
}
