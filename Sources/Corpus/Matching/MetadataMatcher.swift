internal import Foundation

/// The format of a file of metadata, by its name before `.gz`, `.zst` or `.lz4`.
package enum MetadataFormat: String, Sendable {
  case jsonLines, csv, tsv

  /// - Returns: nil for other names than `.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv`.
  package init?(path: String) {
    var name = path as NSString
    if ["gz", "zst", "lz4"].contains(name.pathExtension.lowercased()) { name = name.deletingPathExtension as NSString }
    switch name.pathExtension.lowercased() {
    case "jsonl", "ndjson", "json": self = .jsonLines
    case "csv": self = .csv
    case "tsv": self = .tsv
    default: return nil
    }
  }
}

/// Streams files of metadata and finds the labels of each row's hashtags: one pass, memory bounded by the labels.
package struct MetadataMatcher {
  /// What the fields are called: keys of JSON objects, or columns of the first line of a CSV or TSV file.
  package struct Names: Sendable {
    package var file = "file"
    package var hashtags = "hashtags"
    /// Seconds; may be missing.
    package var start = "start"
    package var end = "end"

    package init() {}

    var all: [(name: String, field: MetadataField)] {
      [(file, .file), (hashtags, .hashtags), (start, .start), (end, .end)]
    }
  }

  /// A row with labels.
  package struct Row {
    package let file: String
    /// Those of its hashtags that have labels, normalised.
    package let hashtags: [String]
    /// Indices in the list, rising.
    package let labels: [Int]
    package let startSeconds: Double?
    package let endSeconds: Double?
  }

  /// What was read.
  package struct Report: Sendable, Codable, Equatable {
    package internal(set) var rows = 0
    /// Rows with a label, one or several.
    package internal(set) var matched = 0
    /// Rows that could not be read.
    package internal(set) var rejected = 0
  }

  private let names: Names
  private var tags: TagMatcher
  private var fields = MetadataFields()
  package private(set) var report = Report()

  package init(_ labels: LabelList, names: Names = Names()) {
    self.names = names
    tags = TagMatcher(labels.tags)
  }

  /// Reads one file.
  ///
  /// - Parameters:
  ///   - matched: called for each row with labels.
  ///   - rejected: called for each row that cannot be read, with its line, what is wrong and its bytes.
  /// - Throws: `manifest` for a file that cannot be read or decompressed, or whose columns are not there.
  package mutating func read(
    path: String, matched: (Row) -> Void,
    rejected: (_ line: Int, _ reason: String, _ row: UnsafeBufferPointer<UInt8>) -> Void
  ) throws(CorpusError) {
    guard let format = MetadataFormat(path: path) else {
      throw CorpusError(.manifest, "\(path): name it .jsonl, .csv or .tsv, and .gz, .zst or .lz4 after that")
    }
    let reader = try RecordReader(path: path, quotes: format == .csv)
    let scan = try scanner(format, reader, path)
    while try reader.next({ row in
      if row.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { return }
      report.rows += 1
      do throws(MetadataMistake) {
        try scan(row, &fields)
        guard let file = fields[.file], !file.range.isEmpty else {
          throw MetadataMistake(message: "`\(names.file)` is missing")
        }
        tags.match(row, fields) { Self.decode($0, of: row, format) }
        guard !tags.labels.isEmpty else { return }
        let found = Row(
          file: Self.decode(file, of: row, format), hashtags: tags.hashtags, labels: tags.labels,
          startSeconds: try seconds(.start, of: row, format), endSeconds: try seconds(.end, of: row, format))
        report.matched += 1
        matched(found)
      } catch {
        report.rejected += 1
        rejected(reader.line, error.message, row)
      }
    }) {}
  }

  private typealias Scan = (UnsafeBufferPointer<UInt8>, inout MetadataFields) throws(MetadataMistake) -> Void

  /// The scanner of a format; the first record of CSV and TSV has the names of the columns.
  private func scanner(_ format: MetadataFormat, _ reader: RecordReader, _ path: String) throws(CorpusError) -> Scan {
    if format == .jsonLines {
      let scanner = JSONFieldScanner(keys: names.all)
      return { row, fields throws(MetadataMistake) in try scanner.scan(row, into: &fields) }
    }
    var header = ""
    _ = try reader.next { header = String(decoding: $0, as: UTF8.self) }
    let separator: Character = format == .csv ? "," : "\t"
    let columns = header.split(separator: separator, omittingEmptySubsequences: false).map { name in
      let name = name.trimmingCharacters(in: CharacterSet(charactersIn: " \r\"\u{FEFF}"))
      return names.all.first { $0.name == name }?.field
    }
    for (name, field) in names.all.prefix(2) where !columns.contains(field) {
      throw CorpusError(.manifest, "\(path): its first line names no column \"\(name)\"")
    }
    let scanner = format == .csv ? DelimitedScanner(csv: columns) : DelimitedScanner(tsv: columns)
    return { row, fields throws(MetadataMistake) in try scanner.scan(row, into: &fields) }
  }

  private func seconds(
    _ field: MetadataField, of row: UnsafeBufferPointer<UInt8>, _ format: MetadataFormat
  ) throws(MetadataMistake) -> Double? {
    guard let text = fields[field] else { return nil }
    guard let seconds = Double(Self.decode(text, of: row, format)), seconds >= 0, seconds.isFinite else {
      throw MetadataMistake(message: "`\(field)` is not a number of seconds")
    }
    return seconds
  }

  /// The text of a field.
  private static func decode(
    _ text: MetadataFields.Text, of row: UnsafeBufferPointer<UInt8>, _ format: MetadataFormat
  ) -> String {
    let raw = String(decoding: UnsafeBufferPointer(rebasing: row[text.range]), as: UTF8.self)
    guard text.isEscaped else { return raw }
    guard format == .jsonLines else { return raw.replacingOccurrences(of: "\"\"", with: "\"") }
    return (try? JSONDecoder().decode(String.self, from: Data("\"\(raw)\"".utf8))) ?? ""
  }
}
