/// Finds the mapped fields of one record of CSV (RFC 4180: quotes around a field, doubled within it) or TSV (no quotes).
struct DelimitedScanner: Sendable {
  private let separator: UInt8
  private let hasQuotes: Bool
  /// The field of each column, nil for those that nobody wants.
  private let columns: [MetadataField?]

  /// - Parameter columns: by their order in a record.
  init(csv columns: [MetadataField?]) {
    (separator, hasQuotes, self.columns) = (UInt8(ascii: ","), true, columns)
  }

  init(tsv columns: [MetadataField?]) {
    (separator, hasQuotes, self.columns) = (UInt8(ascii: "\t"), false, columns)
  }

  var recordEnds: RecordEnds { hasQuotes ? .quoted(columns: columns.count) : .lines }

  /// - Parameter record: without the line break at its end; quoted fields may hold others.
  /// - Throws: for another number of columns and for quotes that do not match.
  func scan(_ record: UnsafeBufferPointer<UInt8>, into fields: inout MetadataFields) throws(MetadataMistake) {
    fields.clear()
    let count = try forEachField(record) { column, text in
      if column < columns.count, let field = columns[column], !text.range.isEmpty { fields[field] = text }
    }
    guard count == columns.count else {
      throw MetadataMistake(message: "\(count) columns where the first line has \(columns.count)")
    }
  }

  /// Hands every field to `body`.
  ///
  /// - Returns: their number.
  /// - Throws: for quotes that do not match.
  func forEachField(
    _ record: UnsafeBufferPointer<UInt8>, _ body: (_ column: Int, MetadataFields.Text) -> Void
  ) throws(MetadataMistake) -> Int {
    var end = record.count
    if end > 0, record[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    var (place, column) = (0, 0)
    while true {
      let text: MetadataFields.Text
      if hasQuotes, place < end, record[place] == UInt8(ascii: "\"") {
        text = try quoted(record, from: place, to: end)
        place = text.range.upperBound + 1
        guard place == end || record[place] == separator else {
          throw MetadataMistake(message: "column \(column + 1): text after its closing quote")
        }
      } else {
        let start = place
        while place < end, record[place] != separator { place += 1 }
        text = MetadataFields.Text(range: start..<place)
      }
      body(column, text)
      column += 1
      guard place < end else { return column }
      place += 1
    }
  }

  private func quoted(
    _ record: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int
  ) throws(MetadataMistake) -> MetadataFields.Text {
    var (place, isEscaped) = (start + 1, false)
    while place < end {
      if record[place] == UInt8(ascii: "\"") {
        guard place + 1 < end, record[place + 1] == UInt8(ascii: "\"") else {
          return MetadataFields.Text(range: start + 1..<place, isEscaped: isEscaped)
        }
        isEscaped = true
        place += 1
      }
      place += 1
    }
    throw MetadataMistake(message: "a quote without its end")
  }
}
