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

/// The videos of some splits in row order, looked up a few at a time: memory does not grow with the index.
package struct VideoCursor {
  private static let batch = 256

  private let corpus: Corpus
  /// Rows to come, the next ones last.
  private var rows: [Range<Int>]
  private var videos: ArraySlice<VideoRecord> = []

  /// - Parameter skipped: so many of the first videos are left out.
  package init(_ corpus: Corpus, splits: [Split], skipping skipped: Int = 0) {
    self.corpus = corpus
    var left = skipped
    rows = corpus.rows(splits: splits).map { range in
      let skipped = min(left, range.count)
      left -= skipped
      return range.lowerBound + skipped..<range.upperBound
    }.reversed()
  }

  package mutating func next() throws(CorpusError) -> VideoRecord? {
    while videos.isEmpty, let range = rows.popLast() {
      let end = min(range.lowerBound + Self.batch, range.upperBound)
      if end < range.upperBound { rows.append(end..<range.upperBound) }
      videos = try corpus.videos(rows: range.lowerBound..<end)[...]
    }
    return videos.popFirst()
  }
}
