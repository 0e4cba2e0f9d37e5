package import Corpus
package import Topology
import Video

/// The plan: a pure function from (seed, step, replica, slot, attempt) to a clip. Never time, never the worker.
package struct Plan: Sendable {
  private let seed: UInt64
  private let clip: Topology.Clip
  private let replicas: Int
  private let batch: Int
  private let draws: Draws

  package init(topology: Topology, counts: [Int]) throws(PipelineError) {
    guard counts.reduce(0, +) > 0 else {
      throw PipelineError(.configuration, "\(topology.corpus): no training video has a label")
    }
    seed = topology.seed
    clip = topology.clip
    replicas = topology.train.replicas
    batch = topology.train.batch
    let quotas =
      switch topology.sampling.labels {
      case .natural: Quotas.natural(counts)
      case .squareRoot: Quotas.squareRoot(counts)
      }
    draws = Draws(counts: counts, quotas: quotas, seed: seed)
  }

  /// Which video of which label a training slot takes.
  package func draw(_ key: ItemKey) -> (label: Int, rank: Int) {
    let group = key.group
    let first = draws.draw((group.step * replicas + group.index) * batch + key.slot)
    guard key.attempt > 0 else { return (first.label, first.rank) }
    let rank = draws.substitute(
      label: first.label, step: group.step, replica: group.index, slot: key.slot, attempt: key.attempt)
    return (first.label, rank)
  }

  /// A training clip: the window's place, the jitter within its slack, the crop and the mirror are drawn from the key.
  package func trainingItem(_ key: ItemKey, video: VideoRecord) -> WorkItem {
    var random = CounterRandom(
      seed: seed, 0x7761_726d, UInt64(key.group.step), UInt64(key.group.index), UInt64(key.slot),
      UInt64(key.attempt))
    let windowFrames = clip.frames + clip.slack
    let extent = (windowFrames - 1) * clip.stride + 1
    let segmentCount = video.endFrame - video.startFrame
    // paper.md §2: the start is uniform over [0, F − R].
    let room = max(segmentCount - extent + 1, 1)
    let windowStart = Int(random.uniform() * Double(room))
    let clipOffset = random.integer(below: clip.slack + 1)
    let cropY = random.uniform()
    let cropX = random.uniform()
    let mirror = random.uniform() < 0.5
    return WorkItem(
      key: key, labels: video.targets, path: video.path, byteCount: video.byteCount, frameCount: video.frameCount,
      segmentStart: video.startFrame, segmentCount: segmentCount, windowStart: windowStart,
      windowFrames: windowFrames, stride: clip.stride, clipOffset: clipOffset, clipFrames: clip.frames,
      cropY: cropY, cropX: cropX, centerCrop: false, mirror: clip.mirror && mirror, table: nil)
  }

  /// A test clip: the `slot`-th of uniformly spaced ones, centre crop.
  package func evaluationItem(_ key: ItemKey, video: VideoRecord, clips: Int) -> WorkItem {
    Self.evaluationItem(key, video: video, clips: clips, frames: clip.frames, stride: clip.stride)
  }

  package static func evaluationItem(
    _ key: ItemKey, video: VideoRecord, clips: Int, frames: Int, stride: Int
  ) -> WorkItem {
    let segmentCount = video.endFrame - video.startFrame
    let starts = uniformClipStarts(clips: clips, frames: frames, stride: stride, frameCount: segmentCount)
    return WorkItem(
      key: key, labels: video.targets, path: video.path, byteCount: video.byteCount, frameCount: video.frameCount,
      segmentStart: video.startFrame, segmentCount: segmentCount, windowStart: starts[key.slot],
      windowFrames: frames, stride: stride, clipOffset: 0, clipFrames: frames, cropY: 0, cropX: 0,
      centerCrop: true, mirror: false, table: nil)
  }
}

extension VideoRecord {
  /// All labels, the one training and top-1 use first.
  fileprivate var targets: [Int] { [label] + labels.filter { $0 != label } }
}
