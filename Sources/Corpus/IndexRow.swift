/// One row of the index before it has its place.
struct IndexRow {
  let split: Split
  let label: Int
  let labels: [Int]
  let file: String
  let video: ProbedVideo
  let frames: Range<Int>

  /// Sorts by split, label and seeded hash of the file name: never by the order in which probing ended.
  static func sort(_ rows: inout [IndexRow], seed: UInt64) {
    let splits = Split.allCases
    func key(_ row: IndexRow) -> (Int, Int, UInt64) {
      (splits.firstIndex(of: row.split) ?? 0, row.label, CounterRandom.hash(row.file, seed: seed))
    }
    rows = rows.map { (key: key($0), row: $0) }.sorted { left, right in
      if left.key != right.key { return left.key < right.key }
      if !left.row.file.utf8.elementsEqual(right.row.file.utf8) {
        return left.row.file.utf8.lexicographicallyPrecedes(right.row.file.utf8)
      }
      return (left.row.frames.lowerBound, left.row.frames.upperBound)
        < (right.row.frames.lowerBound, right.row.frames.upperBound)
    }.map(\.row)
  }
}
