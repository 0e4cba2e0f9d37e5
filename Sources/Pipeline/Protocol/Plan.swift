package import Corpus
package import Topology
import Video

/// The plan: a pure function from (seed, step, replica, slot, attempt) to a clip. Never time, never the worker.
package struct Plan: Sendable {
  private let seed: UInt64
  private let clip: Topology.Clip
  private let replicas: Int
  private let clipsPerReplica: Int
  private let draws: Draws
  /// Labels that a mirror would turn into another.
  private let directional: Set<Int>

  /// - Parameters:
  ///   - counts: training videos that are drawn for each label.
  ///   - labels: names of the labels.
  package init(topology: Topology, counts: [Int], labels: [String]) throws(PipelineError) {
    guard counts.reduce(0, +) > 0 else {
      throw PipelineError(.configuration, "\(topology.corpus): no training video has a label")
    }
    seed = topology.seed
    clip = topology.clip
    replicas = topology.train.replicas
    clipsPerReplica = topology.train.clipsPerReplica
    let quotas =
      switch topology.sampling.labels {
      case .natural: Quotas.natural(counts)
      case .squareRoot: Quotas.squareRoot(counts)
      case .repeatFactor(let threshold): Quotas.repeatFactor(counts, threshold: threshold)
      }
    draws = Draws(counts: counts, quotas: quotas, seed: seed)
    if let unknown = topology.clip.directional.first(where: { !labels.contains($0) }) {
      throw PipelineError(
        .configuration, "clip.directional: \(topology.corpus) has no label `\(unknown)`; it has \(labels.count) others")
    }
    directional = Set(topology.clip.directional.compactMap { labels.firstIndex(of: $0) })
  }

  /// Clips of an epoch: all draws of the quotas, each as many clips as come from one window.
  package var epochLength: Int { draws.epochLength * clip.echo }

  /// Which video of which label a training slot takes. Slots whose clips come from one window take the same.
  package func draw(_ key: ItemKey) -> (label: Int, rank: Int) {
    let group = key.group
    let windows = clipsPerReplica / clip.echo
    let window = key.slot / clip.echo
    let first = draws.draw((group.step * replicas + group.index) * windows + window)
    guard key.attempt > 0 else { return (first.label, first.rank) }
    let rank = draws.substitute(
      label: first.label, step: group.step, replica: group.index, slot: window * clip.echo, attempt: key.attempt)
    return (first.label, rank)
  }

  /// A training clip. Its window's place and scale are drawn from the key of the window's first slot; the jitter within
  /// the slack, the crop and the mirror from its own.
  package func trainingItem(_ key: ItemKey, video: VideoRecord) -> WorkItem {
    let windowFrames = clip.frames + clip.slack
    let stride = resampled(
      stride: clip.stride, framesPerSecond: clip.framesPerSecond, native: video.framesPerSecond)
    let extent = Int(Double(windowFrames - 1) * stride) + 1
    let segmentCount = video.endFrame - video.startFrame
    // paper.md §2: the start is uniform over [0, F − R].
    let room = max(segmentCount - extent + 1, 1)
    var first = key
    first.slot -= key.slot % clip.echo
    var ofWindow = random(.clip, first)
    let windowStart = Int(ofWindow.uniform() * Double(room))
    var random = random(.clip, key)
    _ = random.next()  // the window's
    let clipOffset = random.integer(below: clip.slack + 1)
    let cropY = random.uniform()
    let cropX = random.uniform()
    let mirror = random.uniform() < 0.5
    return WorkItem(
      key: key, labels: video.targets, path: video.path, byteCount: video.byteCount, frameCount: video.frameCount,
      modifiedSeconds: video.modifiedSeconds, segmentStart: video.startFrame, segmentCount: segmentCount,
      windowStart: windowStart,
      windowFrames: windowFrames, stride: stride, shortEdge: shortEdge(first), clipOffset: clipOffset,
      clipFrames: clip.frames, cropY: cropY, cropX: cropX, centerCrop: false,
      mirror: clip.mirror && mirror && directional.isDisjoint(with: video.targets), table: nil)
  }

  /// The drawn scale of a window, where there is one to draw.
  private func shortEdge(_ first: ItemKey) -> Int? {
    guard case .shortEdge(let edges) = clip.resize, edges.count > 1 else { return nil }
    var random = random(.scale, first)
    return edges.lowerBound + random.integer(below: edges.count)
  }

  /// What is drawn, so that no two draws of a clip share a stream.
  private enum Purpose: UInt64 {
    case clip = 0x7761_726d
    case scale = 0x7363_616c
  }

  private func random(_ purpose: Purpose, _ key: ItemKey) -> CounterRandom {
    CounterRandom(
      seed: seed, purpose.rawValue, UInt64(key.group.step), UInt64(key.group.index), UInt64(key.slot),
      UInt64(key.attempt))
  }

  /// A test clip: the `slot`-th of uniformly spaced ones, centre crop.
  package func evaluationItem(_ key: ItemKey, video: VideoRecord, clips: Int) -> WorkItem {
    let frames = clip.frames
    let stride = resampled(
      stride: clip.stride, framesPerSecond: clip.framesPerSecond, native: video.framesPerSecond)
    let segmentCount = video.endFrame - video.startFrame
    let starts = uniformClipStarts(clips: clips, frames: frames, stride: stride, frameCount: segmentCount)
    return WorkItem(
      key: key, labels: video.targets, path: video.path, byteCount: video.byteCount, frameCount: video.frameCount,
      modifiedSeconds: video.modifiedSeconds, segmentStart: video.startFrame, segmentCount: segmentCount,
      windowStart: starts[key.slot],
      windowFrames: frames, stride: stride, shortEdge: nil, clipOffset: 0, clipFrames: frames, cropY: 0, cropX: 0,
      centerCrop: true, mirror: false, table: nil)
  }
}

extension VideoRecord {
  /// All labels, the one training and top-1 use first.
  fileprivate var targets: [Int] { [label] + labels.filter { $0 != label } }
}
