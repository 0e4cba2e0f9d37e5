internal import GRDB

/// What `sluice corpus stats` prints.
package struct CorpusStatistics: Sendable, Codable, Equatable {
  /// Videos (or segments) in the index.
  package let videos: Int
  /// Labels in the list, with videos or without.
  package let labels: Int
  /// Videos by label name, all splits together.
  package let perLabel: [String: Int]
  /// Videos by split.
  package let splits: [String: Int]
  /// Length of all segments together.
  package let seconds: Double
  /// Distinct hashtags of the labelled videos.
  package let hashtags: Int
  /// Rows that were left out when the index was built.
  package let leftOut: Int
  package let fingerprint: String

  private enum CodingKeys: String, CodingKey {
    case videos, labels, splits, seconds, hashtags, fingerprint
    case perLabel = "per_label"
    case leftOut = "left_out"
  }
}

extension Corpus {
  package func statistics() throws(CorpusError) -> CorpusStatistics {
    var perLabel = Dictionary(labels.map { ($0, 0) }, uniquingKeysWith: +)
    var splits: [String: Int] = [:]
    for split in Split.allCases {
      let counts = counts(split: split)
      splits[split.rawValue] = counts.reduce(0, +)
      for (label, count) in zip(labels, counts) { perLabel[label, default: 0] += count }
    }
    do {
      let (seconds, hashtags, leftOut) = try queue.read { database in
        (
          try Double.fetchOne(
            database,
            sql: """
              SELECT total((end_frame - start_frame) / frames_per_second) FROM videos WHERE frames_per_second > 0
              """) ?? 0,
          try Int.fetchOne(database, sql: "SELECT count(*) FROM hashtags") ?? 0,
          try Int.fetchOne(database, sql: "SELECT count(*) FROM left_out") ?? 0
        )
      }
      return CorpusStatistics(
        videos: splits.values.reduce(0, +), labels: labels.count, perLabel: perLabel, splits: splits,
        seconds: seconds, hashtags: hashtags, leftOut: leftOut, fingerprint: fingerprint)
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }

  /// Rows the build left out, in manifest order.
  package func leftOut() throws(CorpusError) -> [CorpusBuildReport.LeftOut] {
    do {
      return try queue.read { database in
        try Row.fetchAll(database, sql: "SELECT line, file, reason FROM left_out ORDER BY line").map { row in
          CorpusBuildReport.LeftOut(line: row[0] ?? 0, file: row[1] ?? "", reason: row[2] ?? "")
        }
      }
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }
}
