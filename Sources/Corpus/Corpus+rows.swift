/// Videos by their rows; the index has no subset here.
extension Corpus {
  /// The rows of some splits: by split, label and rank. Ranges that meet are one.
  package func rows(splits: [Split]) -> [Range<Int>] {
    precondition(selection == nil)
    var rows: [Range<Int>] = []
    for range in splits.flatMap({ ranges[$0] ?? [] }) where !range.isEmpty {
      if let last = rows.last, last.upperBound == range.lowerBound {
        rows[rows.count - 1] = last.lowerBound..<range.upperBound
      } else {
        rows.append(range)
      }
    }
    return rows
  }

  /// - Throws: `index` for a row that is not there.
  package func videos(rows: Range<Int>) throws(CorpusError) -> [VideoRecord] { try records([rows]).map(\.video) }

  /// - Throws: `index` for a row that is not there.
  package func video(row: Int) throws(CorpusError) -> VideoRecord { try videos(rows: row..<row + 1)[0] }
}

extension Corpus {
  /// All videos of a split in row order: by label, then rank.
  package func videos(split: Split) throws(CorpusError) -> [VideoRecord] {
    var cursor = VideoCursor(self, splits: [split])
    var videos: [VideoRecord] = []
    while let video = try cursor.next() { videos.append(video) }
    return videos
  }

  /// Some of a label's videos, in row order without a subset.
  fileprivate func videos(split: Split, label: Int, ranks: Range<Int>) throws(CorpusError) -> [VideoRecord] {
    guard split != .train || selection == nil else {
      return try found(split, ranks.map { (label, $0) }, withPackets: false).map(\.video)
    }
    let first = ranges[split]![label].lowerBound
    return try videos(rows: first + ranks.lowerBound..<first + ranks.upperBound)
  }
}

/// The videos of some splits by label and rank, each once, looked up a few at a time: memory does not grow with their number.
package struct VideoCursor {
  private static let batch = 256

  private let corpus: Corpus
  /// Ranks to come, the next ones last.
  private var ranks: [(split: Split, label: Int, ranks: Range<Int>)] = []
  private var videos: ArraySlice<VideoRecord> = []

  /// - Parameter skipped: so many of the first videos are left out.
  package init(_ corpus: Corpus, splits: [Split], skipping skipped: Int = 0) {
    self.corpus = corpus
    var left = skipped
    for split in splits {
      for (label, count) in corpus.ownCounts(split: split).enumerated() {
        let skipped = min(left, count)
        left -= skipped
        if skipped < count { ranks.append((split, label, skipped..<count)) }
      }
    }
    ranks.reverse()
  }

  package mutating func next() throws(CorpusError) -> VideoRecord? {
    while videos.isEmpty, let (split, label, range) = ranks.popLast() {
      let end = min(range.lowerBound + Self.batch, range.upperBound)
      if end < range.upperBound { ranks.append((split, label, end..<range.upperBound)) }
      videos = try corpus.videos(split: split, label: label, ranks: range.lowerBound..<end)[...]
    }
    return videos.popFirst()
  }
}
