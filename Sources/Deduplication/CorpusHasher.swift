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

  /// The hashes beside the index, made if they are not there.
  ///
  /// - Parameters:
  ///   - splits: which videos.
  ///   - progress: videos done and all; called from the threads, one at a time, with rising numbers.
  package static func hash(
    _ corpus: Corpus, splits: [Split], as role: HashRole, workers: Int,
    progress: @escaping @Sendable (Int, Int) -> Void
  ) throws -> Result {
    if let hashes = HashFile(of: corpus, role) { return Result(hashes: hashes, failures: []) }
    var records: [VideoRecord] = []
    for split in splits { records += try corpus.videos(split: split) }
    let videos = records
    guard !videos.isEmpty else { throw DeduplicationError(.empty, "\(corpus.directory): no video to hash") }
    struct State {
      var done = 0
      var hashes: [VideoHashes]
      var failures: [(place: Int, reason: String)] = []
    }
    let state = Mutex(State(hashes: Array(repeating: VideoHashes(regions: role.regions.count), count: videos.count)))
    WorkerPool(threads: workers).run(videos.count) { place, _ in
      let outcome = Swift.Result { try hash(videos[place], of: corpus, as: role) }
      state.withLock { state in
        state.done += 1
        switch outcome {
        case .success(let hashes): state.hashes[place] = hashes
        case .failure(let error): state.failures.append((place, "\(error)"))
        }
        progress(state.done, videos.count)
      }
    }
    let (hashed, failures) = state.withLock { ($0.hashes, $0.failures.sorted { $0.place < $1.place }) }
    try HashFile.write(zip(videos, hashed).map { ($0.id, $1) }, of: corpus, role)
    guard let hashes = HashFile(of: corpus, role) else {
      throw DeduplicationError(.hashes, "\(HashFile.path(corpus.directory, role)): changed while it was written")
    }
    return Result(hashes: hashes, failures: failures.map { (videos[$0.place].file, $0.reason) })
  }

  private static func hash(_ video: VideoRecord, of corpus: Corpus, as role: HashRole) throws -> VideoHashes {
    try VideoHasher.hashes(
      path: video.path, indexed: try corpus.indexed(video), frames: video.startFrame..<video.endFrame,
      framesPerSecond: video.framesPerSecond, role: role)
  }
}
