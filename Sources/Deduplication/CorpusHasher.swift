package import Corpus
internal import Synchronization
internal import Tensors
internal import Video

/// Hashes the videos of an index, on threads of its own.
package enum CorpusHasher {
  package struct Result: Sendable {
    package let hashes: HashFile
    /// Videos that could not be decoded.
    package let failures: [(file: String, reason: String)]
  }

  /// Frames hashed of each second of videos that are to be trained on.
  package static let corpusRate = 2.0
  /// Frames hashed of each second of a target's videos: of them there are fewer, and no frame of a copy is farther from one of them than
  /// an eighth of a second.
  package static let targetRate = 4.0

  /// The hashes beside the index, made if they are not there.
  ///
  /// - Parameters:
  ///   - splits: which videos.
  ///   - progress: videos done and all; called from the threads, one at a time, with rising numbers.
  package static func hash(
    _ corpus: Corpus, splits: [Split], rate: Double, workers: Int,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) throws -> Result {
    if let hashes = HashFile(of: corpus, rate: rate) { return Result(hashes: hashes, failures: []) }
    var records: [VideoRecord] = []
    for split in splits { records += try corpus.videos(split: split) }
    let videos = records
    guard !videos.isEmpty else { throw DeduplicationError(.empty, "\(corpus.directory): no video to hash") }
    struct State {
      var done = 0
      var frames: [[HashedFrame]]
      var failures: [(place: Int, reason: String)] = []
    }
    let state = Mutex(State(frames: Array(repeating: [], count: videos.count)))
    WorkerPool(threads: workers).run(videos.count) { place, _ in
      let outcome = Swift.Result { try hash(videos[place], of: corpus, rate: rate) }
      state.withLock { state in
        state.done += 1
        switch outcome {
        case .success(let frames): state.frames[place] = frames
        case .failure(let error): state.failures.append((place, "\(error)"))
        }
        progress(state.done, videos.count)
      }
    }
    let (frames, failures) = state.withLock { ($0.frames, $0.failures.sorted { $0.place < $1.place }) }
    try HashFile.write(zip(videos, frames).map { ($0.id, $1) }, of: corpus, rate: rate)
    guard let hashes = HashFile(of: corpus, rate: rate) else {
      throw DeduplicationError(.hashes, "\(HashFile.path(corpus.directory, rate: rate)): changed while it was written")
    }
    return Result(hashes: hashes, failures: failures.map { (videos[$0.place].file, $0.reason) })
  }

  private static func hash(_ video: VideoRecord, of corpus: Corpus, rate: Double) throws -> [HashedFrame] {
    try VideoHasher.hashes(
      path: video.path, indexed: try corpus.indexed(video), frames: video.startFrame..<video.endFrame,
      framesPerSecond: video.framesPerSecond, rate: rate)
  }
}
