internal import Glibc

/// Where the records of a file of metadata end.
///
/// That follows from the bytes behind a record's first alone, so it does not matter in what blocks they are read. In CSV a record goes
/// on behind a line break in a quoted field, but only if all its lines are one: quotes around whole fields, the wanted number of
/// columns, no more than `longest`. Else its first line is a record by itself, which no scanner takes, and the second begins another.
struct RecordEnds: Sendable {
  /// A record of so many bytes is no metadata.
  static let longest = 16 << 20

  /// At each line break.
  static let lines = RecordEnds(hasQuotes: false, columns: nil)

  /// As in CSV.
  ///
  /// - Parameter columns: of a record of several lines; nil for any number.
  static func quoted(columns: Int?) -> RecordEnds { RecordEnds(hasQuotes: true, columns: columns) }

  private let hasQuotes: Bool
  private let columns: Int?

  /// The end of a record, behind its line break, and its number of lines.
  ///
  /// - Parameters:
  ///   - start: of the record.
  ///   - isWhole: whether `bytes` end with a record.
  /// - Returns: nil where `bytes` end before it is known.
  func end(from start: Int, in bytes: UnsafeBufferPointer<UInt8>, isWhole: Bool) -> (end: Int, lines: Int)? {
    guard start < bytes.count else { return nil }
    guard let line = Self.find(0x0A, in: bytes, start..<bytes.count) else { return isWhole ? (bytes.count, 1) : nil }
    guard hasQuotes, Self.isOpen(bytes, start..<line) else { return (line + 1, 1) }
    switch severalLines(bytes, from: start, isWhole: isWhole) {
    case .none: return (line + 1, 1)
    case .unknown: return nil
    case .end(let end): return (end, 1 + bytes[start..<end - 1].count { $0 == 0x0A })
    }
  }

  /// Where the last record of `bytes` ends of those whose end is known; 0 for none.
  func lastEnd(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard hasQuotes else { return bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0 }
    var last = 0
    while let (end, _) = end(from: last, in: bytes, isWhole: false) { last = end }
    return last
  }

  private enum SeveralLines {
    /// They are no record.
    case none
    case unknown
    case end(Int)
  }

  private static let quote = UInt8(ascii: "\"")
  private static let comma = UInt8(ascii: ",")

  /// What begins with a line in which a quoted field has no end.
  private func severalLines(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, isWhole: Bool
  ) -> SeveralLines {
    let isTooLong = bytes.count - start >= Self.longest
    let bound = isTooLong ? start + Self.longest : bytes.count
    var (place, column) = (start, 1)
    while true {
      if place < bound, bytes[place] == Self.quote {
        guard let closed = Self.closing(bytes, place + 1..<bound) else {
          return isTooLong || isWhole ? .none : .unknown
        }
        place = closed
        if place < bound, bytes[place] == 0x0D {
          place += 1
          guard place == bound || bytes[place] == 0x0A else { return .none }
        }
      } else {
        while place < bound, bytes[place] != Self.comma, bytes[place] != 0x0A { place += 1 }
      }
      guard place < bound else {
        if isTooLong { return .none }
        return !isWhole ? .unknown : column == columns ?? column ? .end(bound) : .none
      }
      switch bytes[place] {
      case Self.comma where column < columns ?? .max: (place, column) = (place + 1, column + 1)
      case 0x0A where column == columns ?? column: return .end(place + 1)
      default: return .none
      }
    }
  }

  /// Whether a record's first line ends within a quoted field: a quote opens one at the beginning of a field only.
  private static func isOpen(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Bool {
    guard find(quote, in: bytes, line) != nil else { return false }
    var place = line.lowerBound
    while true {
      if place < line.upperBound, bytes[place] == quote {
        guard let closed = closing(bytes, place + 1..<line.upperBound) else { return true }
        place = closed
      }
      guard let next = find(comma, in: bytes, place..<line.upperBound) else { return false }
      place = next + 1
    }
  }

  /// The place behind the quote that ends a field; doubled ones are a quote of its text.
  private static func closing(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    var place = range.lowerBound
    while let found = find(quote, in: bytes, place..<range.upperBound) {
      place = found + 1
      guard place < range.upperBound, bytes[place] == quote else { return place }
      place += 1
    }
    return nil
  }

  private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    guard let base = bytes.baseAddress, let found = memchr(base + range.lowerBound, Int32(byte), range.count) else {
      return nil
    }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }
}
