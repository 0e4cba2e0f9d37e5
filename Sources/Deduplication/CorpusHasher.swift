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
  ///   - retriesFailures: whether videos that could not be decoded at an earlier call are tried again; else they are told.
  ///   - progress: videos done and all; the first call says what was done before.
  ///   - warn: gets a file and what is wrong with it: a video that cannot be decoded, or hashes that are made again.
  /// - Throws: `hashes` for what cannot be written, `empty` without a video and if none of them can be decoded, `CorpusError` for an
  ///   index whose videos nobody has opened.
  package static func hash(
    _ corpus: Corpus, as role: HashRole, workers: Int, retriesFailures: Bool = false, progress: (Int, Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> Result {
    try corpus.requireProbed()
    do {
      return try Directory.locked(
        corpus.directory,
        waiting: { warn(corpus.directory, "another process hashes its videos, and is waited for") }
      ) {
        let old = old(corpus, role, warn: warn)
        if let old, !retriesFailures || old.failureCount == 0 {
          if old.failureCount > 0 {
            warn(
              old.path,
              "\(old.failureCount) of its videos could not be decoded and have no hash, see "
                + "\(HashFile.failuresPath(corpus.directory, role)); `sluice corpus hash` tries them again")
          }
          unlink(HashFile.journalPath(corpus.directory, role))
          return Result(hashes: old, before: old.count - old.failureCount)
        }
        return try hash(corpus, as: role, besides: old, workers: workers, progress: progress, warn: warn)
      }
    } catch let error as FileError {
      throw DeduplicationError(.hashes, error.description)
    }
  }

  /// The file that is there; if it is of no use, that is told.
  private static func old(
    _ corpus: Corpus, _ role: HashRole, warn: (_ file: String, _ reason: String) -> Void
  ) -> HashFile? {
    let hashes = HashFile(of: corpus, role)
    let path = HashFile.path(corpus.directory, role)
    if hashes == nil, FileManager.default.fileExists(atPath: path) {
      warn(path, "of another index, or damaged: made again")
    }
    return hashes
  }

  /// - Parameter old: whose hashes are taken.
  private static func hash(
    _ corpus: Corpus, as role: HashRole, besides old: HashFile?, workers: Int, progress: (Int, Int) -> Void,
    warn: (_ file: String, _ reason: String) -> Void
  ) throws -> Result {
    let all = corpus.rows(splits: role.splits).reduce(0) { $0 + $1.count }
    guard all > 0 else { throw DeduplicationError(.empty, "\(corpus.directory): no video to hash") }
    var journal = try HashFile.journal(of: corpus, role, warn: warn)
    let before = old.map { $0.count - $0.failureCount } ?? journal.count
    var firstFailure: String?
    progress(journal.count, all)
    var numbers = (journal.count..<all).makeIterator()
    var videos = VideoCursor(corpus, splits: role.splits, skipping: journal.count)
    try OrderedCrew<(number: Int, video: VideoRecord), (file: String, entry: HashJournal.Entry)>.run(
      workers: workers, ahead: ahead
    ) {
      guard let video = try videos.next(), let number = numbers.next() else { return nil }
      return (number, video)
    } worker: {
      { next in
        if let old, !old.isFailure(next.number) { return (next.video.file, .hashes(old.hashes(next.number))) }
        return (next.video.file, entry(next.video, of: corpus, as: role))
      }
    } consume: { file, entry in
      try journal.append(entry)
      if case .failure(let reason) = entry {
        warn(file, "is kept, it has no hash: \(reason)")
        firstFailure = firstFailure ?? "\(file): \(reason)"
      }
      progress(journal.count, all)
    }
    return Result(hashes: try write(journal, of: corpus, role, firstFailure), before: before)
  }

  private static func write(
    _ journal: HashJournal, of corpus: Corpus, _ role: HashRole, _ firstFailure: String?
  ) throws -> HashFile {
    var decoded = false
    try journal.forEach { decoded = decoded || !$0.isFailure }
    guard decoded else {
      unlink(journal.path)
      throw DeduplicationError(
        .empty,
        "\(corpus.directory): none of its \(journal.count) videos can be decoded; are they where they were when the "
          + "index was built? \(firstFailure ?? "")")
    }
    try HashFile.write(journal, of: corpus, role)
    guard let hashes = HashFile(of: corpus, role) else {
      throw DeduplicationError(
        .hashes, "\(HashFile.path(corpus.directory, role)): changed while it was written; give the command again")
    }
    unlink(journal.path)
    return hashes
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
