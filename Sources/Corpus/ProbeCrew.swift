internal import Foundation
internal import Synchronization

/// Probes files on threads of its own: demuxing blocks, so it stays off the cooperative pool.
enum ProbeCrew {
  /// Tries of a file whose failure may pass.
  private static let attempts = 3

  private struct State {
    var next = 0
    var done = 0
    var results: [Result<ProbedVideo, ProbeFailure>?]

    mutating func claim() -> Int? {
      guard next < results.count else { return nil }
      defer { next += 1 }
      return next
    }
  }

  /// - Parameters:
  ///   - workers: threads, at least 1.
  ///   - progress: files done and all files; called from the threads, one at a time, with rising numbers.
  /// - Returns: a result for each path, in the order of `paths`.
  static func probe(
    _ paths: [String], workers: Int, prober: @escaping VideoProber, progress: @escaping @Sendable (Int, Int) -> Void
  ) -> [Result<ProbedVideo, ProbeFailure>] {
    let state = Mutex(State(results: Array(repeating: nil, count: paths.count)))
    let finished = DispatchGroup()
    let work: @Sendable () -> Void = {
      while let index = state.withLock({ $0.claim() }) {
        let result = probe(paths[index], prober: prober)
        state.withLock { state in
          state.results[index] = result
          state.done += 1
          progress(state.done, paths.count)
        }
      }
      finished.leave()
    }
    for worker in 0..<max(1, min(workers, paths.count)) {
      finished.enter()
      let thread = Thread(block: work)
      thread.name = "probe-\(worker)"
      thread.stackSize = 4 << 20
      thread.start()
    }
    finished.wait()
    return state.withLock { $0.results.compactMap(\.self) }
  }

  private static func probe(_ path: String, prober: VideoProber) -> Result<ProbedVideo, ProbeFailure> {
    var failure = ProbeFailure(reason: "not probed", isTransient: true)
    for _ in 0..<attempts where failure.isTransient {
      do {
        return .success(try prober(path))
      } catch {
        failure = error
      }
    }
    return .failure(failure)
  }
}
