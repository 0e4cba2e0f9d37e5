internal import GRDB

/// What `sluice corpus stats` prints.
package struct CorpusStatistics: Sendable, Codable, Equatable {
  /// Videos (or segments) in the index.
  package let videos: Int
  /// Labels in the list, with videos or without.
  package let labels: Int
  /// Videos by label name, all splits together.
  package let perLabel: [String: Int]
  /// Length of the videos by label name, all splits together.
  package let secondsPerLabel: [String: Double]
  package let tail: LabelTail
  /// Videos by split.
  package let splits: [String: Int]
  /// Length of all segments together.
  package let seconds: Double
  /// Distinct hashtags of the labelled videos; nil where `corpus probe` made the index, of one that has them for all its videos together.
  package let hashtags: Int?
  /// Rows that were left out when the index was built.
  package let leftOut: Int
  package let fingerprint: String

  private enum CodingKeys: String, CodingKey {
    case videos, labels, splits, seconds, hashtags, fingerprint
    case tail
    case perLabel = "per_label"
    case secondsPerLabel = "seconds_per_label"
    case leftOut = "left_out"
  }
}

/// How the videos are spread over the labels.
package struct LabelTail: Sendable, Codable, Equatable {
  /// Labels without a video.
  package let empty: Int
  /// Labels with fewer than 50, below which the paper drops them.
  package let belowFifty: Int
  /// Videos of the label in the middle.
  package let median: Int
  /// The fewest labels that have half of all videos.
  package let halfOfVideos: Int
  /// The share of all videos that the largest tenth of the labels has.
  package let largestTenthShare: Double

  private enum CodingKeys: String, CodingKey {
    case empty, median
    case belowFifty = "below_50"
    case halfOfVideos = "labels_with_half_of_videos"
    case largestTenthShare = "share_of_largest_tenth"
  }

  /// - Parameter counts: videos of each label.
  package init(_ counts: [Int]) {
    let sorted = counts.sorted(by: >)
    let total = sorted.reduce(0, +)
    empty = sorted.count { $0 == 0 }
    belowFifty = sorted.count { $0 < 50 }
    median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    var (sum, labels) = (0, 0)
    while 2 * sum < total {
      sum += sorted[labels]
      labels += 1
    }
    halfOfVideos = labels
    let largest = sorted.prefix((sorted.count + 9) / 10).reduce(0, +)
    largestTenthShare = total == 0 ? 0 : Double(largest) / Double(total)
  }
}

extension Corpus {
  /// - Throws: `index` for one that cannot be read.
  package func statistics() throws(CorpusError) -> CorpusStatistics {
    var perLabel = Dictionary(labels.map { ($0, 0) }, uniquingKeysWith: +)
    var secondsPerLabel = Dictionary(labels.map { ($0, 0.0) }, uniquingKeysWith: +)
    var splits: [String: Int] = [:]
    for split in Split.allCases {
      let counts = counts(split: split)
      splits[split.rawValue] = counts.reduce(0, +)
      for (label, count) in zip(labels, counts) { perLabel[label, default: 0] += count }
      for (label, seconds) in zip(labels, try seconds(split: split)) { secondsPerLabel[label, default: 0] += seconds }
    }
    do {
      let (hashtags, leftOut) = try queue.read { database in
        (
          try Bool.fetchOne(database, sql: "SELECT value = 'unknown' FROM settings WHERE name = 'hashtags'") == true
            ? nil : try Int.fetchOne(database, sql: "SELECT count(*) FROM hashtags") ?? 0,
          try Int.fetchOne(database, sql: "SELECT count(*) FROM left_out") ?? 0
        )
      }
      return CorpusStatistics(
        videos: splits.values.reduce(0, +), labels: labels.count, perLabel: perLabel,
        secondsPerLabel: secondsPerLabel, tail: LabelTail(Array(perLabel.values)), splits: splits,
        seconds: secondsPerLabel.values.reduce(0, +), hashtags: hashtags, leftOut: leftOut, fingerprint: fingerprint)
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }

  /// Length of the videos of each label; those of unknown length have none.
  private func seconds(split: Split) throws(CorpusError) -> [Double] {
    if split == .train, let selection {
      var seconds = labels.map { _ in 0.0 }
      for (label, count) in selection.counts.enumerated() {
        for rank in 0..<count { seconds[label] += try video(split: .train, label: label, rank: rank).seconds }
      }
      return seconds
    }
    let ranges = ranges[split] ?? []
    do {
      return try queue.read { database in
        let statement = try database.cachedStatement(
          sql: """
            SELECT total((end_frame - start_frame) / frames_per_second) FROM videos
            WHERE id >= ? AND id < ? AND frames_per_second > 0
            """)
        return try ranges.map { range in
          try Double.fetchOne(statement, arguments: [range.lowerBound, range.upperBound]) ?? 0
        }
      }
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
