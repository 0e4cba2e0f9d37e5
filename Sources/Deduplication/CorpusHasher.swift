package import Corpus
internal import Files
internal import Foundation
internal import Video

/// Hashes the videos of an index, on threads of its own.
package enum CorpusHasher {
  package struct Result: Sendable {
    package let hashes: HashFile
    /// Videos that were hashed before.
    package let before: Int
    /// Videos that could not be decoded, listed in `HashFile.failuresPath`.
    package let failures: Int
  }

  /// Videos under way for each thread: a long one keeps the records of those after it waiting.
  private static let ahead = 32
  /// Tries of a file whose failure may pass.
  private static let attempts = 3

  /// The hashes beside the index; those that are not there are made, after those that an interrupted call has made.
  ///
  /// The same index gives the same file, however often it was interrupted and whatever the number of threads. Memory does not grow
  /// with the index.
  ///
  /// - Parameters:
  ///   - progress: videos done and all; the first call says what was done before.
  ///   - warn: gets a file and what is wrong with it: a video that cannot be decoded, or hashes that are made again.
  /// - Throws: `hashes` for what cannot be written, `empty` without a video.
  package static func hash(
    _ corpus: Corpus, as role: HashRole, workers: Int, progress: (Int, Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> Result {
    do {
      return try Directory.locked(
        corpus.directory,
        waiting: { warn(corpus.directory, "another process hashes its videos, and is waited for") }
      ) { try hashLocked(corpus, as: role, workers: workers, progress: progress, warn: warn) }
    } catch let error as FileError {
      throw DeduplicationError(.hashes, error.description)
    }
  }

  private static func hashLocked(
    _ corpus: Corpus, as role: HashRole, workers: Int, progress: (Int, Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> Result {
    let (path, journalPath) = (HashFile.path(corpus.directory, role), HashFile.journalPath(corpus.directory, role))
    if let hashes = HashFile(of: corpus, role) {
      unlink(journalPath)
      return Result(hashes: hashes, before: hashes.count, failures: failures(corpus, role))
    }
    if FileManager.default.fileExists(atPath: path) { warn(path, "of another index, or damaged: made again") }
    let all = corpus.rows(splits: role.splits).reduce(0) { $0 + $1.count }
    guard all > 0 else { throw DeduplicationError(.empty, "\(corpus.directory): no video to hash") }
    var journal = try HashFile.journal(of: corpus, role, warn: warn)
    let before = journal.count
    progress(before, all)
    var videos = VideoCursor(corpus, splits: role.splits, skipping: before)
    try OrderedCrew<VideoRecord, (file: String, entry: HashJournal.Entry)>.run(workers: workers, ahead: ahead) {
      try videos.next()
    } worker: {
      { video in (video.file, entry(video, of: corpus, as: role)) }
    } consume: { file, entry in
      try journal.append(entry)
      if case .failure(let reason) = entry { warn(file, "is kept, it has no hash: \(reason)") }
      progress(journal.count, all)
    }
    try HashFile.write(journal, of: corpus, role)
    guard let hashes = HashFile(of: corpus, role) else {
      throw DeduplicationError(.hashes, "\(path): changed while it was written; give the command again")
    }
    unlink(journalPath)
    return Result(hashes: hashes, before: before, failures: failures(corpus, role))
  }

  private static func failures(_ corpus: Corpus, _ role: HashRole) -> Int {
    let url = URL(fileURLWithPath: HashFile.failuresPath(corpus.directory, role))
    return (try? Data(contentsOf: url, options: .mappedIfSafe))?.count { $0 == UInt8(ascii: "\n") } ?? 0
  }

  private static func entry(_ video: VideoRecord, of corpus: Corpus, as role: HashRole) -> HashJournal.Entry {
    var reason = ""
    for _ in 0..<attempts {
      do {
        return .hashes(
          try VideoHasher.hashes(
            path: video.path, indexed: try corpus.indexed(video), frames: video.startFrame..<video.endFrame,
            framesPerSecond: video.framesPerSecond, role: role))
      } catch let error as VideoError where error.isTransient {
        reason = "\(error)"
      } catch {
        return .failure("\(error)")
      }
    }
    return .failure(reason)
  }
}

extension HashRole {
  /// Of these all videos are hashed.
  var splits: [Split] { self == .corpus ? [.train] : Split.allCases }
}
