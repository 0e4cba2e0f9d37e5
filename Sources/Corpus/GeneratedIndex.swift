internal import Files
internal import Foundation
internal import GRDB

/// An index of videos that are not there, to measure how a plan of that size behaves.
package enum GeneratedIndex {
  private static let clean =
    "INSERT INTO videos VALUES (?, 'train', ?, ?, ?, ?, ?, 30, 0, ?, 340, 256, 'h264', ?, ?, 'probe', NULL)"

  /// Writes `corpus.sqlite` with `videos` videos to train on. Label L has about 1/(L + 1) as many as the first.
  ///
  /// - Parameter progress: videos written.
  /// - Throws: `index` naming the file.
  package static func write(
    to directory: String, videos: Int, labels: Int, progress: (Int) -> Void = { _ in }
  ) throws(CorpusError) {
    precondition(labels >= 1 && videos >= labels)
    do throws(FileError) {
      try Directory.make(directory)
    } catch {
      throw CorpusError(.index, error.description)
    }
    let named = (0..<labels).map { Label("label \($0)") }
    try IndexWriter.write(
      to: directory + "/" + Corpus.fileName, labels: named, settings: ["seed": "0", "probed": "1"]
    ) { database in
      var first = 0
      for (label, count) in counts(videos: videos, labels: labels).enumerated() {
        try database.execute(sql: "INSERT INTO ranks VALUES ('train', ?, ?, ?)", arguments: [label, first, count])
        try insert(first..<first + count, label: label, into: database, progress: progress)
        first += count
      }
      return "generated \(videos) \(labels)"
    }
  }

  private static func insert(
    _ ids: Range<Int>, label: Int, into database: Database, progress: (Int) -> Void
  ) throws {
    let videos = try database.cachedStatement(sql: clean)
    for id in ids {
      let digits = String(id)
      let file = "videos/" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits + ".mp4"
      let frames = 90 + id % 270
      try videos.execute(arguments: [
        id, label, String(label), file, 2000 * frames, frames, frames, 1_700_000_000 + id, id,
      ])
      if id % 100_000 == 0 { progress(id) }
    }
  }

  /// As many of every label as Zipf's law gives, at least one, `videos` in all.
  static func counts(videos: Int, labels: Int) -> [Int] {
    let weights = (0..<labels).map { 1 / Double($0 + 1) }
    let sum = weights.reduce(0, +)
    var counts = weights.map { 1 + Int(Double(videos - labels) * $0 / sum) }
    counts[0] += videos - counts.reduce(0, +)
    return counts
  }
}
