internal import Foundation

extension DelimitedScanner {
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
