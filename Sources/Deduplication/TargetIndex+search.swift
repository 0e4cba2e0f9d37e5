internal import Synchronization
internal import Tensors

extension TargetIndex {
  /// The nearest match of each of many videos, found on several threads.
  ///
  /// - Parameters:
  ///   - count: of videos.
  ///   - excluding: the target that the video with this number is itself, if any.
  ///   - hashes: of the video with this number; called from the threads.
  ///   - progress: videos done; called from the threads, one at a time, with rising numbers.
  /// - Returns: a match or none for each video, whatever the number of threads.
  package func nearest(
    _ count: Int, workers: Int, progress: @escaping @Sendable (Int) -> Void = { _ in },
    excluding: @escaping @Sendable (Int) -> Int? = { _ in nil },
    hashes: @escaping @Sendable (Int) -> VideoHashes
  ) -> [Match?] {
    let state = Mutex((done: 0, found: [Match?](repeating: nil, count: count)))
    WorkerPool(threads: workers).run(count) { video, _ in
      let match = matches(hashes(video), excluding: excluding(video)).first
      state.withLock { state in
        state.found[video] = match
        state.done += 1
        progress(state.done)
      }
    }
    return state.withLock { $0.found }
  }
}
