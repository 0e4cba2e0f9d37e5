internal import Foundation

extension DelimitedScanner {
  /// The names of a table's columns, as its first record has them.
  ///
  /// - Parameter quotes: whether it is CSV; else TSV.
  /// - Throws: `manifest` for a file that cannot be read, and for a first line whose quotes do not match.
  static func columns(path: String, quotes: Bool) throws(CorpusError) -> [String] {
    let first = try RecordReader.firstRecord(path: path, quotes ? .quoted(columns: nil) : .lines)
    let header = Array(first.drop { $0 == "\u{FEFF}" }.utf8)
    let scanner = quotes ? DelimitedScanner(csv: []) : DelimitedScanner(tsv: [])
    do throws(MetadataMistake) {
      return try header.withUnsafeBufferPointer { bytes throws(MetadataMistake) in
        try scanner.texts(bytes).map { $0.trimmingCharacters(in: .whitespaces) }
      }
    } catch {
      throw CorpusError(.manifest, "\(path):1: \(error.message)")
    }
  }

  /// All fields of a record as text, without the quotes around and within them.
  ///
  /// - Throws: for quotes that do not match and for what is not UTF-8.
  func texts(_ record: UnsafeBufferPointer<UInt8>) throws(MetadataMistake) -> [String] {
    var texts: [String] = []
    var damaged: Int?
    _ = try forEachField(record) { column, field in
      let bytes = UnsafeBufferPointer(rebasing: record[field.range])
      guard let text = String(validating: bytes, as: UTF8.self) else {
        damaged = damaged ?? column
        return
      }
      texts.append(field.isEscaped ? text.replacingOccurrences(of: "\"\"", with: "\"") : text)
    }
    if let damaged { throw MetadataMistake(message: "column \(damaged + 1): not UTF-8") }
    return texts
  }
}
