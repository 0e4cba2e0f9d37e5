/// Finds the labels of a row's hashtags; holds what it needs for that from row to row.
struct TagMatcher {
  private let table: TagTable
  private var cache = TagCache()
  private var normalized: [UInt8] = []
  private var unescaped: [UInt8] = []
  /// Labels of the row last matched, indices rising.
  private(set) var labels: [Int] = []
  /// Its tags that have labels, normalised, in the order of the row.
  private(set) var hashtags: [String] = []
  /// Places of these tags in the table.
  private(set) var entries: [Int] = []

  init(_ table: TagTable) { self.table = table }

  /// Sets `labels` to those of a row; of tags that are no text, none.
  ///
  /// - Parameter row: its bytes.
  mutating func match(_ row: UnsafeBufferPointer<UInt8>, _ fields: MetadataFields, _ scanner: RowScanner) {
    labels.removeAll(keepingCapacity: true)
    hashtags.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    for tag in fields.hashtags { withText(tag, of: row, scanner) { $0.add($1) } }
    if let text = fields[.hashtags] { withText(text, of: row, scanner) { $0.addAll($1) } }
    if labels.count > 1 { labels = Set(labels).sorted() }
  }

  /// Hands the text of a field to `body`, without escapes.
  private mutating func withText(
    _ text: MetadataFields.Text, of row: UnsafeBufferPointer<UInt8>, _ scanner: RowScanner,
    _ body: (inout Self, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    let raw = UnsafeBufferPointer(rebasing: row[text.range])
    guard text.isEscaped else { return body(&self, raw) }
    var bytes: [UInt8] = []
    swap(&bytes, &unescaped)
    bytes.removeAll(keepingCapacity: true)
    // What is no character is no letter of a tag either: see `slowEntry(of:)`.
    _ = scanner.unescape(raw, into: &bytes)
    bytes.withUnsafeBufferPointer { body(&self, $0) }
    swap(&bytes, &unescaped)
  }

  /// Adds the tags of a text.
  private mutating func addAll(_ text: UnsafeBufferPointer<UInt8>) {
    var (start, place) = (0, 0)
    while place < text.count {
      let count = Self.separatorCount(text, at: place)
      if count > 0 {
        if start < place { add(UnsafeBufferPointer(rebasing: text[start..<place])) }
        start = place + count
      }
      place += max(count, 1)
    }
    if start < text.count { add(UnsafeBufferPointer(rebasing: text[start...])) }
  }

  /// Bytes of what stands between hashtags, if it is at `place`: white space, `,`, `;`, `|` or `#`; of other than ASCII U+A0,
  /// U+3000 and the wide `＃`.
  private static func separatorCount(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> Int {
    func follow(_ second: UInt8, _ third: UInt8) -> Bool {
      place + 2 < text.count && text[place + 1] == second && text[place + 2] == third
    }
    switch text[place] {
    case 0...0x20, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"), UInt8(ascii: "#"): return 1
    case 0xC2: return place + 1 < text.count && text[place + 1] == 0xA0 ? 2 : 0
    case 0xE3: return follow(0x80, 0x80) ? 3 : 0
    case 0xEF: return follow(0xBC, 0x83) ? 3 : 0
    default: return 0
    }
  }

  private mutating func add(_ tag: UnsafeBufferPointer<UInt8>) {
    guard let entry = entry(of: tag), !entries.contains(entry) else { return }
    table.forEachLabel(entry: entry) { labels.append($0) }
    entries.append(entry)
    hashtags.append(table.tag(entry: entry))
  }

  private mutating func entry(of tag: UnsafeBufferPointer<UInt8>) -> Int? {
    if normalizeASCII(tag) { return normalized.withUnsafeBufferPointer { table.entry(of: $0) } }
    switch cache.find(tag) {
    case .entry(let entry): return entry
    case .nothing: return nil
    case nil:
      let entry = slowEntry(of: tag)
      cache.keep(entry, for: tag)
      return entry
    }
  }

  private func slowEntry(of tag: UnsafeBufferPointer<UInt8>) -> Int? {
    let text = String(decoding: tag, as: UTF8.self)
    // What is no UTF-8, here or where the metadata comes from, must not leave another word.
    guard !text.unicodeScalars.contains("\u{FFFD}") else { return nil }
    var normalized = Hashtag.normalized(text)
    return normalized.withUTF8 { table.entry(of: $0) }
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
