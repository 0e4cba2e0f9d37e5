/// Finds the labels of a row's hashtags; holds what it needs for that from row to row.
struct TagMatcher {
  private let table: TagTable
  private var normalized: [UInt8] = []
  /// Labels of the row last matched, indices rising.
  private(set) var labels: [Int] = []
  /// Its tags that have labels, normalised, in the order of the row.
  private(set) var hashtags: [String] = []
  /// Places of these tags in the table.
  private(set) var entries: [Int] = []

  init(_ table: TagTable) { self.table = table }

  /// Sets `labels` to those of a row.
  ///
  /// - Parameters:
  ///   - row: its bytes, UTF-8.
  ///   - decode: the text of a field with escapes.
  mutating func match(
    _ row: UnsafeBufferPointer<UInt8>, _ fields: MetadataFields, decode: (MetadataFields.Text) -> String
  ) {
    labels.removeAll(keepingCapacity: true)
    hashtags.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    for tag in fields.hashtags { add(tag, of: row, decode) }
    if let text = fields[.hashtags] {
      if text.isEscaped {
        for tag in decode(text).utf8.split(whereSeparator: Self.isSeparator) { addSlowly(String(Substring(tag))) }
      } else {
        for tag in row[text.range].split(whereSeparator: Self.isSeparator) {
          add(MetadataFields.Text(range: tag.startIndex..<tag.endIndex), of: row, decode)
        }
      }
    }
    if labels.count > 1 { labels = Set(labels).sorted() }
  }

  /// What stands between the hashtags of a text.
  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "|")
      || byte == UInt8(ascii: "#")
  }

  private mutating func add(
    _ tag: MetadataFields.Text, of row: UnsafeBufferPointer<UInt8>, _ decode: (MetadataFields.Text) -> String
  ) {
    let bytes = UnsafeBufferPointer(rebasing: row[tag.range])
    guard !tag.isEscaped, normalizeASCII(bytes) else {
      return addSlowly(tag.isEscaped ? decode(tag) : String(decoding: bytes, as: UTF8.self))
    }
    lookUp()
  }

  private mutating func addSlowly(_ tag: String) {
    normalized.removeAll(keepingCapacity: true)
    normalized.append(contentsOf: Hashtag.normalized(tag).utf8)
    lookUp()
  }

  private mutating func lookUp() {
    guard let entry = normalized.withUnsafeBufferPointer({ table.entry(of: $0) }), !entries.contains(entry) else {
      return
    }
    table.forEachLabel(entry: entry) { labels.append($0) }
    entries.append(entry)
    hashtags.append(String(decoding: normalized, as: UTF8.self))
  }

  /// Writes what `Hashtag.normalized` says of ASCII to `normalized`.
  /// - Returns: false where there are other characters.
  private mutating func normalizeASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    normalized.removeAll(keepingCapacity: true)
    for byte in bytes {
      guard byte < 0x80 else { return false }
      let lower = byte | 0x20
      if (0x61...0x7A).contains(lower) {
        normalized.append(lower)
      } else if (0x30...0x39).contains(byte) {
        normalized.append(byte)
      }
    }
    return true
  }
}
