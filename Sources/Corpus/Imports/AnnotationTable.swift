/// A CSV file of annotations with the names of its columns in the first line.
struct AnnotationTable {
  /// One row: its line and the texts of its columns; those that are empty are not there.
  struct Row {
    let place: String
    let text: String
    fileprivate let values: [String: String]

    subscript(column: String) -> String? { values[column] }

    /// - Throws: naming the column.
    func required(_ column: String) throws(MetadataMistake) -> String {
      guard let value = values[column] else { throw MetadataMistake(message: "`\(column)` is missing") }
      return value
    }
  }

  let path: String
  let columns: [String]

  /// - Throws: `manifest` for a file that cannot be read, and for a first line whose quotes do not match.
  init(path: String) throws(CorpusError) {
    self.path = path
    columns = try DelimitedScanner.columns(path: path, quotes: true)
  }

  /// Hands the rows to `body`, and those that are not like the first line to `rejected`.
  func forEachRow(_ body: (Row) -> Void, rejected: (DatasetReject) -> Void) throws(CorpusError) {
    let reader = try RecordReader(path: path, .quoted(columns: columns.count))
    let scanner = DelimitedScanner(csv: [])
    while let block = try reader.next() {
      block.forEachRecord { line, record in
        guard line > 1, record.contains(where: { $0 > 0x20 }) else { return }
        let text = String(decoding: record, as: UTF8.self)
        do throws(MetadataMistake) {
          body(Row(place: "\(path):\(line)", text: text, values: try values(record, scanner)))
        } catch {
          rejected(DatasetReject(place: "\(path):\(line)", reason: error.message, text: text))
        }
      }
    }
  }

  private func values(
    _ record: UnsafeBufferPointer<UInt8>, _ scanner: DelimitedScanner
  ) throws(MetadataMistake) -> [String: String] {
    let texts = try scanner.texts(record)
    guard texts.count == columns.count else {
      throw MetadataMistake(message: "\(texts.count) columns where the first line has \(columns.count)")
    }
    return Dictionary(zip(columns, texts).filter { !$1.isEmpty }) { $1 }
  }
}

/// A row of annotations that cannot be used.
package struct DatasetReject: Sendable, Equatable {
  /// File and line, or entry.
  package let place: String
  package let reason: String
  package let text: String
}
