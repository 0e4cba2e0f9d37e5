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
    let existed = FileManager.default.fileExists(atPath: directory)
    try CollectionFiles.prepare(directory)
    do {
      let crew = VideoCrew(plan: plan, directory: directory, workers: max(1, options.workers))
      try crew.run(progress: progress)
      try CollectionFiles.write(plan, to: directory)
    } catch {
      CollectionFiles.remove(directory, existed: existed)
      throw error
    }
    return SynthesisSummary(plan)
  }

  /// Renders and encodes one video.
  static func write(_ video: CollectionPlan.Video, to path: String) throws(VideoError) {
    let scene = video.scene
    let renderer = FrameRenderer(scene: scene, label: video.label)
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
      renderer.render(frame: index, into: frame)
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
  /// Videos whose hashtags are wrong, missing or too many.
  package let noisy: Int

  init(_ plan: CollectionPlan) {
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
