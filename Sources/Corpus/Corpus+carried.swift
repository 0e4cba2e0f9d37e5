internal import GRDB

extension Corpus {
  /// Rows to train on that carry a label without being its own, by label kept, rising.
  ///
  /// - Throws: `index` for one that cannot be read.
  func carriedRows() throws(CorpusError) -> [[Int]] {
    var carried = labels.map { _ in [Int]() }
    let ranges = ranges[.train] ?? []
    let end = ranges.map(\.upperBound).max() ?? 0
    let isChosen = selection.map { chosen($0, of: ranges, end: end) }
    do {
      try queue.unsafeRead { database in
        let statement = try database.cachedStatement(
          sql: """
            SELECT id, label, labels FROM videos WHERE id >= ? AND id < ? AND instr(labels, ',') > 0 ORDER BY id
            """)
        try Columns.forEachRow(of: statement, 0..<end) { columns in
          let (id, own) = (try columns.integer(0), try columns.integer(1))
          guard isChosen?[id] ?? true else { return }
          for label in try columns.integers(2) where label != own {
            if let place = places[label] { carried[place].append(id) }
          }
        }
      }
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
    return carried
  }

  private func chosen(_ selection: Selection, of ranges: [Range<Int>], end: Int) -> [Bool] {
    var isChosen = Array(repeating: false, count: end)
    for (label, range) in ranges.enumerated() {
      for index in 0..<selection.counts[label] {
        isChosen[range.lowerBound + selection.rank(label: label, index: index)] = true
      }
    }
    return isChosen
  }
}
