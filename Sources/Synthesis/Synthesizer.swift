import Foundation
import Video

/// Writes synthetic weakly-labelled collections.
package enum Synthesizer {
  /// Writes the collection that `options` describe: `videos/*.mp4`, `labels.txt`, `pairs.txt`, `truth.jsonl` and, last,
  /// `manifest.jsonl`.
  ///
  /// Blocks; videos are rendered on `options.workers` threads of its own.
  ///
  /// - Parameters:
  ///   - directory: made if it does not exist, with its parents; must be empty if it does.
  ///   - progress: called on the calling thread with the number of videos written and of all videos, at the start and
  ///     whenever videos have been completed.
  /// - Returns: what was written.
  /// - Throws: `SynthesisError`. What was written so far is removed again.
  @discardableResult
  package static func run(
    _ options: SynthesisOptions, into directory: String, progress: (Int, Int) -> Void
  ) throws(SynthesisError) -> SynthesisSummary {
    let plan = try CollectionPlan(options)
    let copied =
      if let source = options.copiesOf {
        try CopiedVideos(of: source, count: options.copies, seed: options.seed)
      } else {
        CopiedVideos()
      }
    let existed = FileManager.default.fileExists(atPath: directory)
    try CollectionFiles.prepare(directory)
    do {
      let crew = VideoCrew(jobs(plan, copied), directory: directory, workers: max(1, options.workers))
      try crew.run(progress: progress)
      try CollectionFiles.write(plan, copied, to: directory)
    } catch {
      CollectionFiles.remove(directory, existed: existed)
      throw error
    }
    return SynthesisSummary(plan, copies: copied.copies.count)
  }

  private static func jobs(_ plan: CollectionPlan, _ copied: CopiedVideos) -> [VideoCrew.Job] {
    plan.videos.map { video in
      VideoCrew.Job(file: video.file) { (path) throws(VideoError) in try write(video, to: path) }
    }
      + copied.copies.map { copy in
        VideoCrew.Job(file: copy.file) { (path) throws(VideoError) in
          try copy.kind.write(copy.source, seed: copy.seed, to: path)
        }
      }
  }

  /// Renders and encodes one video.
  static func write(_ video: CollectionPlan.Video, to path: String) throws(VideoError) {
    let scene = video.scene
    let renderers = video.shown.map { FrameRenderer(scene: scene, label: $0) }
    let frame = PlanarFrame(width: scene.width, height: scene.height)
    var options = VideoWriterOptions()
    // The fastest preset with a deblocking filter; two seconds between keyframes keep seeking cheap.
    options.preset = "superfast"
    options.gop = 60
    options.colorMatrix = .bt601
    let rate = scene.framesPerSecond
    let writer = try VideoWriter(
      path: path, width: scene.width, height: scene.height,
      framesPerSecond: (num: rate.numerator, den: rate.denominator), options: options)
    for index in 0..<scene.frameCount {
      renderers[index * renderers.count / scene.frameCount].render(frame: index, into: frame)
      try writer.append(
        y: UnsafeRawBufferPointer(frame.y), u: UnsafeRawBufferPointer(frame.u), v: UnsafeRawBufferPointer(frame.v))
    }
    try writer.finish()
  }
}

/// Counts of a written collection.
package struct SynthesisSummary: Sendable, Equatable, Encodable {
  package let videos: Int
  package let labels: Int
  package let train: Int
  package let validation: Int
  package let test: Int
  /// Frames of all videos together.
  package let frames: Int
  /// Videos besides, copied from another collection.
  package let copies: Int
  /// Videos whose hashtags are wrong, missing or too many.
  package let noisy: Int

  init(_ plan: CollectionPlan, copies: Int) {
    self.copies = copies
    func count(_ split: CollectionPlan.Split) -> Int {
      plan.videos.count { $0.split == split }
    }
    videos = plan.videos.count
    labels = plan.labels.count
    train = count(.train)
    validation = count(.validation)
    test = count(.test)
    frames = plan.videos.reduce(0) { $0 + $1.scene.frameCount }
    noisy = plan.videos.count { $0.noise != .none }
  }
}
