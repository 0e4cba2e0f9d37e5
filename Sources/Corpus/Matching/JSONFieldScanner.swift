/// Finds the mapped fields of one line of JSON without building its objects: one pass over the bytes, no allocation.
struct JSONFieldScanner: Sendable {
  private struct Key {
    /// In UTF-8, without escapes.
    let name: [UInt8]
    let field: MetadataField

    func mistake(_ what: String) -> MetadataMistake {
      MetadataMistake(message: "`\(String(decoding: name, as: UTF8.self))` \(what)")
    }
  }

  private let keys: [Key]

  init(keys: [(name: String, field: MetadataField)]) {
    self.keys = keys.map { Key(name: Array($0.name.utf8), field: $0.field) }
  }

  /// - Parameter line: one JSON object without its line break.
  /// - Throws: for what is not an object, is cut, or has a list where a text or number should be.
  func scan(_ line: UnsafeBufferPointer<UInt8>, into fields: inout MetadataFields) throws(MetadataMistake) {
    fields.clear()
    var cursor = Cursor(line: line)
    try cursor.expect("{")
    if !cursor.skip("}") {
      repeat {
        let key = try cursor.text()
        try cursor.expect(":")
        if let match = match(UnsafeBufferPointer(rebasing: line[key.range]), isEscaped: key.isEscaped) {
          try cursor.value(of: match, into: &fields)
        } else {
          try cursor.skipValue()
        }
      } while cursor.skip(",")
      try cursor.expect("}")
    }
    guard cursor.isAtEnd else { throw MetadataMistake(message: "more than one JSON object") }
  }

  private func match(_ name: UnsafeBufferPointer<UInt8>, isEscaped: Bool) -> Key? {
    guard isEscaped else { return keys.first { $0.name.elementsEqual(name) } }
    var bytes: [UInt8] = []
    guard JSONText.unescape(name, into: &bytes) else { return nil }
    return keys.first { $0.name == bytes }
  }

  private struct Cursor {
    let line: UnsafeBufferPointer<UInt8>
    var place = 0

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return place == line.count
      }
    }

    mutating func skipSpace() {
      while place < line.count, line[place] == 0x20 || line[place] == 0x09 || line[place] == 0x0D { place += 1 }
    }

    mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
      skipSpace()
      guard place < line.count, line[place] == UInt8(ascii: scalar) else { return false }
      place += 1
      return true
    }

    mutating func expect(_ scalar: Unicode.Scalar) throws(MetadataMistake) {
      guard skip(scalar) else { throw MetadataMistake(message: "not a JSON object: no \(scalar) at byte \(place)") }
    }

    /// The inside of a string.
    mutating func text() throws(MetadataMistake) -> MetadataFields.Text {
      try expect("\"")
      let start = place
      var isEscaped = false
      while place < line.count {
        switch line[place] {
        case UInt8(ascii: "\""):
          place += 1
          return MetadataFields.Text(range: start..<place - 1, isEscaped: isEscaped)
        case UInt8(ascii: "\\"):
          isEscaped = true
          place += 2
        default: place += 1
        }
      }
      throw MetadataMistake(message: "not a JSON object: a text without end at byte \(start)")
    }

    /// A number, true, false or null.
    mutating func word() throws(MetadataMistake) -> Range<Int> {
      skipSpace()
      let start = place
      while place < line.count, Self.isWord(line[place]) { place += 1 }
      guard place > start else { throw MetadataMistake(message: "not a JSON object: no value at byte \(start)") }
      return start..<place
    }

    private static func isWord(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
        || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "E")
    }

    /// Whether a word other than null is a number or truth value; what number, those say who read it.
    private static func isValue(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
      let first = word.first ?? 0
      return (0x30...0x39).contains(first) || first == UInt8(ascii: "-") || word.elementsEqual("true".utf8)
        || word.elementsEqual("false".utf8)
    }

    mutating func value(of key: Key, into fields: inout MetadataFields) throws(MetadataMistake) {
      let field = key.field
      skipSpace()
      guard place < line.count else { throw MetadataMistake(message: "not a JSON object: it ends at byte \(place)") }
      switch line[place] {
      case UInt8(ascii: "\""):
        fields[field] = try text()
      case UInt8(ascii: "["):
        guard field == .hashtags else { throw key.mistake("is a list") }
        place += 1
        if skip("]") { return }
        repeat { if let tag = try element(of: key) { fields.hashtags.append(tag) } } while skip(",")
        try expect("]")
      case UInt8(ascii: "{"): throw key.mistake("is an object")
      default:
        let word = try word()
        if line[word].elementsEqual("null".utf8) { return }
        guard Self.isValue(line[word]) else { throw key.mistake("is not a JSON value") }
        fields[field] = MetadataFields.Text(range: word)
      }
    }

    /// An element of a list of texts; nil for null.
    private mutating func element(of key: Key) throws(MetadataMistake) -> MetadataFields.Text? {
      skipSpace()
      guard place < line.count else { throw MetadataMistake(message: "not a JSON object: it ends at byte \(place)") }
      if line[place] == UInt8(ascii: "\"") { return try text() }
      guard try line[word()].elementsEqual("null".utf8) else { throw key.mistake("has an element that is not a text") }
      return nil
    }

    /// Passes over a value of any kind; of what is nested only brackets and texts are looked at.
    mutating func skipValue() throws(MetadataMistake) {
      skipSpace()
      var depth = 0
      repeat {
        skipSpace()
        guard place < line.count else { throw MetadataMistake(message: "not a JSON object: it ends at byte \(place)") }
        switch line[place] {
        case UInt8(ascii: "\""): _ = try text()
        case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, place) = (depth + 1, place + 1)
        case UInt8(ascii: "]"), UInt8(ascii: "}"): (depth, place) = (depth - 1, place + 1)
        case UInt8(ascii: ","), UInt8(ascii: ":"):
          guard depth > 0 else { throw MetadataMistake(message: "not a JSON object: no value at byte \(place)") }
          place += 1
        default: _ = try word()
        }
      } while depth > 0
      guard depth == 0 else { throw MetadataMistake(message: "not a JSON object: a bracket too many at byte \(place)") }
    }
  }
}
