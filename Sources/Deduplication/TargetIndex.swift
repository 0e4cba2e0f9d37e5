/// The hashes of the videos that nothing trained on may show, ready to be searched.
package struct TargetIndex: Sendable {
  /// A video of a target that another resembles.
  package struct Match: Sendable, Equatable {
    /// Number of the target's video.
    package let target: Int
    /// The second smallest distance of frames that follow each other alike in both videos, of 256 bits; of a video of one frame the
    /// smallest.
    package let distance: Int
    package let isMirrored: Bool
    /// Seconds of the frames that are nearest, in the video and in the target's.
    package let seconds: Float
    package let targetSeconds: Float
  }

  /// Candidates differ in at most so many of 64 bits.
  package static let radius = 10
  /// Of 256 bits: frames that differ in more are strangers, whatever the threshold.
  package static let farthest = 96
  /// Ratios of speeds that are tried.
  private static let speeds: [Float] = [1, 1.25, 0.8]
  /// Half the width of a window of offsets in time, in seconds.
  private static let tolerance: Float = 0.25

  private struct Hit {
    let target: Int32
    let isMirrored: Bool
    let distance: Int
    let sample: Int
    let seconds: Float
    let targetSeconds: Float
  }

  private let frames: [HashedFrame]
  private let owners: [Int32]
  private let index: HashIndex

  /// - Parameter videos: hashes of each target's video.
  package init(_ videos: [[HashedFrame]]) {
    frames = videos.flatMap(\.self)
    owners = videos.enumerated().flatMap { number, frames in Array(repeating: Int32(number), count: frames.count) }
    index = HashIndex(frames.map(\.hash.coarse))
  }

  /// Number of hashes.
  package var count: Int { frames.count }

  /// The targets' videos that have frames like a video's in the same order, the nearest first.
  package func matches(_ video: [HashedFrame]) -> [Match] {
    var hits: [Hit] = []
    for frame in video {
      for isMirrored in [false, true] {
        let hash = isMirrored ? frame.hash.mirrored : frame.hash
        index.forEach(within: Self.radius, of: hash.coarse) { place in
          let distance = frames[place].hash.distance(to: hash)
          guard distance <= Self.farthest else { return }
          hits.append(
            Hit(
              target: owners[place], isMirrored: isMirrored, distance: distance, sample: Int(frame.sample),
              seconds: frame.seconds, targetSeconds: frames[place].seconds))
        }
      }
    }
    let needed = min(2, Set(video.map(\.sample)).count)
    let groups = Dictionary(grouping: hits) { $0.target }
    return groups.compactMap { Self.match($1, needed: needed) }.sorted {
      ($0.distance, $0.target) < ($1.distance, $1.target)
    }
  }

  /// The best of all ways to lay the frames of one target's video beside the other's.
  private static func match(_ hits: [Hit], needed: Int) -> Match? {
    var best: Match?
    for isMirrored in [false, true] {
      for speed in speeds {
        // Windows overlap by half, so that any two offsets that differ by less than the tolerance share one.
        var windows: [Int: [Int: Hit]] = [:]
        for hit in hits where hit.isMirrored == isMirrored {
          let offset = Int(((hit.targetSeconds - hit.seconds * speed) / tolerance).rounded(.down))
          for window in offset...offset + 1 where hit.distance < windows[window]?[hit.sample]?.distance ?? .max {
            windows[window, default: [:]][hit.sample] = hit
          }
        }
        for (_, window) in windows.sorted(by: { $0.key < $1.key }) where window.count >= needed {
          let ordered = window.values.sorted { ($0.distance, $0.sample) < ($1.distance, $1.sample) }
          let distance = ordered[needed - 1].distance
          if distance < best?.distance ?? .max {
            best = Match(
              target: Int(ordered[0].target), distance: distance, isMirrored: isMirrored, seconds: ordered[0].seconds,
              targetSeconds: ordered[0].targetSeconds)
          }
        }
      }
    }
    return best
  }
}
