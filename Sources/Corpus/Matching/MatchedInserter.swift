internal import GRDB
internal import GRDBSQLite

/// Inserts matched rows, which come in the order of the index, by statements that are prepared once.
struct MatchedInserter {
  private static let insertion =
    "INSERT INTO videos VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, '', NULL, ?1, NULL, NULL)"

  private let database: Database
  private let video: Statement
  /// Indices in the index of the list's labels, -1 for those that are not in it.
  private var places: [Int]
  /// Videos by the places of their tags in the table.
  private var tagCounts: [Int]
  /// The split and label whose rows are coming, and the first of them.
  private var current: (split: Split, label: Int, first: Int)?
  private var splitText: [UInt8] = []
  private var next = 0
  /// The current row's labels in the index, and as text.
  private var labels: [Int] = []
  private var labelsText: [UInt8] = []

  /// - Parameter kept: labels of the list that are in the index, rising.
  init(_ database: Database, kept: [Int], labelCount: Int, tagCount: Int) throws {
    self.database = database
    video = try database.makeStatement(sql: Self.insertion)
    places = Array(repeating: -1, count: labelCount)
    for (place, label) in kept.enumerated() { places[label] = place }
    tagCounts = Array(repeating: 0, count: tagCount)
  }

  /// - Parameter order: of the record.
  mutating func insert(
    _ record: MatchedRecord, _ order: IndexOrder, _ fingerprint: inout IndexFingerprint
  ) throws {
    let label = places[order.label]
    if current.map({ $0.split != order.split || $0.label != label }) ?? true {
      try endRanks()
      current = (order.split, label, next)
      splitText = Array(order.split.rawValue.utf8)
    }
    labels.removeAll(keepingCapacity: true)
    for label in record.labels { labels.append(places[label]) }
    for tag in record.tags { tagCounts[tag] += 1 }
    labelsText.removeAll(keepingCapacity: true)
    for (index, label) in labels.enumerated() {
      if index > 0 { labelsText.append(UInt8(ascii: ",")) }
      labelsText.append(contentsOf: String(label).utf8)
    }
    try insert(record, label: label)
    fingerprint.add(
      split: order.split, file: record.file, byteCount: record.byteCount,
      frameCount: record.fileMilliseconds, frames: record.milliseconds, label: label, labels: labels)
    next += 1
  }

  private func insert(_ record: MatchedRecord, label: Int) throws {
    let row = video.sqliteStatement
    let end = record.milliseconds.upperBound
    let numbers = [
      (1, next), (3, label), (6, record.byteCount), (7, record.fileMilliseconds),
      (8, end == MatchedRecord.unknownEnd ? 0 : 1000),
      (9, record.milliseconds.lowerBound), (10, end),
    ]
    for (column, number) in numbers { sqlite3_bind_int64(row, Int32(column), Int64(number)) }
    let code = labelsText.withUnsafeBytes { labels in
      splitText.withUnsafeBytes { split in
        bind(2, split)
        bind(4, labels)
        bind(5, record.file)
        defer { sqlite3_reset(row) }
        return sqlite3_step(row)
      }
    }
    guard code == SQLITE_DONE else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
  }

  /// The text must stay until the statement has run.
  private func bind(_ column: Int32, _ text: UnsafeRawBufferPointer) {
    sqlite3_bind_text(
      video.sqliteStatement, column, text.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(text.count), nil)
  }

  private func endRanks() throws {
    guard let current else { return }
    try database.execute(
      sql: "INSERT INTO ranks VALUES (?, ?, ?, ?)",
      arguments: [current.split.rawValue, current.label, current.first, next - current.first])
  }

  /// Writes the ranks of the last label and the numbers of videos by tag.
  mutating func finish(tags: TagTable) throws {
    try endRanks()
    let statement = try database.makeStatement(sql: "INSERT INTO hashtags VALUES (?, ?)")
    for (tag, count) in tagCounts.enumerated() where count > 0 {
      try statement.execute(arguments: [tags.tag(entry: tag), count])
    }
  }
}
