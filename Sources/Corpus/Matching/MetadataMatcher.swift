internal import Video

/// A row of metadata with labels.
package struct MatchedRow: Sendable {
  /// As `VideoLocation` writes it.
  package let file: String
  /// Those of its hashtags that have labels, normalised.
  package let hashtags: [String]
  /// Places of these hashtags in the list's table of tags.
  let tags: [Int]
  /// Indices in the list, rising.
  package let labels: [Int]
  /// The segment; nil for the file's own beginning and end.
  package let startSeconds: Double?
  package let endSeconds: Double?
  /// Of the file.
  package let durationSeconds: Double?
  package let byteCount: Int?
  /// nil where the file's name and the seed decide.
  package let split: Split?
}

/// Finds the labels of one row after the other.
struct MetadataMatcher {
  private let names: MetadataNames
  private var tags: TagMatcher
  private var fields = MetadataFields()

  init(_ labels: LabelList, names: MetadataNames) {
    self.names = names
    tags = TagMatcher(labels.tags)
  }

  /// - Returns: nil for a row without a label.
  mutating func match(
    _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> MatchedRow? {
    try scanner.scan(row, into: &fields)
    guard fields[.file].map({ !$0.range.isEmpty }) == true else {
      throw MetadataMistake(message: "`\(names.file)` is missing")
    }
    tags.match(row, fields, scanner)
    guard !tags.labels.isEmpty else { return nil }
    let found = MatchedRow(
      file: try file(row, scanner), hashtags: tags.hashtags, tags: tags.entries,
      labels: tags.labels, startSeconds: try seconds(.start, names.start, row, scanner),
      endSeconds: try seconds(.end, names.end, row, scanner),
      durationSeconds: try duration(row, scanner), byteCount: try count(.bytes, names.bytes, row, scanner),
      split: try split(row, scanner))
    let start = found.startSeconds ?? 0
    guard MatchedRecord.milliseconds(start) < MatchedRecord.unknownEnd else {
      throw MetadataMistake(message: "`\(names.start)` must be below \(Int(Manifest.longestSeconds)) seconds")
    }
    guard start < found.endSeconds ?? .infinity else {
      throw MetadataMistake(message: "its segment ends before it starts")
    }
    guard start < found.durationSeconds ?? .infinity else {
      throw MetadataMistake(message: "its segment starts where the file has ended, by `\(names.duration)`")
    }
    return found
  }

  /// The video's text: with a byte range if there is one.
  private func file(
    _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> String {
    let file = try text(.file, names.file, row, scanner) ?? ""
    guard let offset = try count(.offset, names.offset, row, scanner) else { return file }
    guard let bytes = try count(.bytes, names.bytes, row, scanner), bytes > 0 else {
      throw MetadataMistake(message: "`\(names.offset)` without `\(names.bytes)`")
    }
    guard file.hasSuffix(".tar"), case .file = VideoLocation(file) else {
      throw MetadataMistake(message: "a byte range of what is no tar shard")
    }
    let name = try text(.member, names.member, row, scanner) ?? String(offset)
    return VideoLocation.member(shard: file, name: name, bytes: offset..<offset + bytes).text
  }

  /// Those who make metadata write 0 for a length that they do not know.
  private func duration(
    _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> Double? {
    let seconds = try seconds(.duration, names.duration, row, scanner)
    return seconds == 0 ? nil : seconds
  }

  private func split(_ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner) throws(MetadataMistake) -> Split? {
    guard let text = try text(.split, names.split, row, scanner), !text.isEmpty else { return nil }
    guard let split = Split(rawValue: text) else {
      throw MetadataMistake(
        message: "`\(names.split)` is \"\(text.prefix(40))\"; expected train, validation or test, or name another field"
      )
    }
    return split
  }

  private func seconds(
    _ field: MetadataField, _ name: String, _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> Double? {
    guard let text = try text(field, name, row, scanner) else { return nil }
    guard let seconds = Double(text), (0...Manifest.longestSeconds).contains(seconds)
    else { throw MetadataMistake(message: "`\(name)` is not a number of seconds") }
    return seconds
  }

  private func count(
    _ field: MetadataField, _ name: String, _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> Int? {
    guard let text = try text(field, name, row, scanner) else { return nil }
    guard let count = Int(text), (0...1 << 56).contains(count) else {
      throw MetadataMistake(message: "`\(name)` is not a number of bytes")
    }
    return count
  }

  /// The text of a field; nil if the row has none.
  ///
  /// - Throws: for one that is not UTF-8, with an escape that stands for no character, or with a NUL: it would be another's.
  private func text(
    _ field: MetadataField, _ name: String, _ row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner
  ) throws(MetadataMistake) -> String? {
    guard let place = fields[field] else { return nil }
    let raw = UnsafeBufferPointer(rebasing: row[place.range])
    var bytes: [UInt8] = []
    if place.isEscaped, !scanner.unescape(raw, into: &bytes) {
      throw MetadataMistake(message: "`\(name)` has a bad escape")
    }
    let text = place.isEscaped ? String(validating: bytes, as: UTF8.self) : String(validating: raw, as: UTF8.self)
    guard let text else { throw MetadataMistake(message: "`\(name)` is not UTF-8") }
    guard !text.utf8.contains(0) else { throw MetadataMistake(message: "`\(name)` has a NUL in it") }
    return text
  }
}
