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

/// What the fields are called: keys of JSON objects, or columns of the first line of a CSV or TSV file.
package struct MetadataNames: Sendable, Codable, Equatable {
  package var file = "file"
  package var hashtags = "hashtags"
  /// The segment in seconds; may be missing, as all that follow.
  package var start = "start"
  package var end = "end"
  /// Of the file, in seconds.
  package var duration = "duration"
  /// Of a video in a tar shard, which `file` then names: its name, its first byte and their number. Without `offset`, `bytes`
  /// is the size of the file.
  package var member = "member"
  package var offset = "offset"
  package var bytes = "bytes"
  /// `train`, `validation` or `test`.
  package var split = "split"

  package init() {}

  var all: [(name: String, field: MetadataField)] {
    [
      (file, .file), (hashtags, .hashtags), (start, .start), (end, .end), (duration, .duration), (member, .member),
      (offset, .offset), (bytes, .bytes), (split, .split),
    ]
  }
}

/// Finds the fields of the rows of one file.
enum RowScanner: Sendable {
  case objects(JSONFieldScanner)
  case table(DelimitedScanner)

  /// - Throws: `manifest` for a file of another format, one that cannot be read, and one whose first line does not name the
  ///   columns of file and hashtags.
  init(path: String, names: MetadataNames) throws(CorpusError) {
    guard let format = MetadataFormat(path: path) else {
      throw CorpusError(.manifest, "\(path): name it .jsonl, .csv or .tsv, and .gz, .zst or .lz4 after that")
    }
    guard format != .jsonLines else {
      self = .objects(JSONFieldScanner(keys: names.all))
      return
    }
    let columns = try DelimitedScanner.columns(path: path, quotes: format == .csv).map { name in
      names.all.first { $0.name == name }?.field
    }
    for (name, field) in names.all.prefix(2) where !columns.contains(field) {
      throw CorpusError(.manifest, "\(path): its first line names no column \"\(name)\"")
    }
    self = .table(format == .csv ? DelimitedScanner(csv: columns) : DelimitedScanner(tsv: columns))
  }

  /// Whether the first record names the columns.
  var hasHeader: Bool {
    switch self {
    case .objects: false
    case .table: true
    }
  }

  var recordEnds: RecordEnds {
    switch self {
    case .objects: .lines
    case .table(let scanner): scanner.recordEnds
    }
  }

  /// Appends the text of a field that has escapes, without them.
  ///
  /// - Returns: false if there is an escape that stands for no character; it becomes U+FFFD.
  func unescape(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) -> Bool {
    switch self {
    case .objects: return JSONText.unescape(text, into: &bytes)
    case .table:
      var isSecond = false
      for byte in text {
        isSecond = byte == UInt8(ascii: "\"") && !isSecond
        if !isSecond { bytes.append(byte) }
      }
      return true
    }
  }

  func scan(_ row: UnsafeBufferPointer<UInt8>, into fields: inout MetadataFields) throws(MetadataMistake) {
    switch self {
    case .objects(let scanner): try scanner.scan(row, into: &fields)
    case .table(let scanner): try scanner.scan(row, into: &fields)
    }
  }
}
