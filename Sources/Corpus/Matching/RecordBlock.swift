internal import Glibc

/// Whole records of a file of metadata, end to end, with the line breaks between them.
struct RecordBlock: Sendable {
  let bytes: [UInt8]
  /// Line of the first record, from 1.
  let firstLine: Int
  /// Whether every line is a record, whatever quotes there are: a field that is opened in it has no end within reach.
  var isByLine = false

  /// Hands each record, without its line break, to `body`; its bytes are good for the call alone.
  ///
  /// - Parameters:
  ///   - quotes: whether line breaks in quoted fields belong to a record, as in CSV.
  ///   - body: gets the record's line, too.
  func forEachRecord(quotes: Bool, _ body: (_ line: Int, UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var quotes = quotes && !isByLine
      var (start, scanned, line, nextLine, isQuoted) = (0, 0, firstLine, firstLine, false)
      while scanned < bytes.count {
        let end = Self.find(0x0A, in: bytes, scanned..<bytes.count) ?? bytes.count
        if quotes { isQuoted = Self.isQuoted(bytes, scanned..<end, isQuoted) }
        (scanned, nextLine) = (end + 1, nextLine + 1)
        if isQuoted {
          if scanned < bytes.count { continue }
          // The file ends in a quoted field: what opened it takes no other lines with it.
          (quotes, isQuoted, scanned, nextLine) = (false, false, start, line)
          continue
        }
        body(line, UnsafeBufferPointer(rebasing: bytes[start..<end]))
        (start, line) = (scanned, nextLine)
      }
    }
  }

  /// Where the last whole record of `bytes` ends, behind its line break; 0 for none.
  static func lastEnd(in bytes: UnsafeBufferPointer<UInt8>, quotes: Bool) -> Int {
    guard quotes else { return bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0 }
    var (end, scanned, isQuoted) = (0, 0, false)
    while let found = find(0x0A, in: bytes, scanned..<bytes.count) {
      isQuoted = Self.isQuoted(bytes, scanned..<found, isQuoted)
      scanned = found + 1
      if !isQuoted { end = scanned }
    }
    return end
  }

  /// Whether a line ends within a quoted field of CSV: a quote opens one at the beginning of a field only.
  ///
  /// - Parameter isQuoted: whether it begins within one.
  private static func isQuoted(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>, _ isQuoted: Bool) -> Bool {
    let quote = UInt8(ascii: "\"")
    guard find(quote, in: bytes, line) != nil else { return isQuoted }
    var (place, isQuoted) = (line.lowerBound, isQuoted)
    while true {
      if !isQuoted, place < line.upperBound, bytes[place] == quote { (place, isQuoted) = (place + 1, true) }
      if isQuoted {
        guard let end = find(quote, in: bytes, place..<line.upperBound) else { return true }
        place = end + 1
        // Doubled quotes are a quote of the text.
        if place < line.upperBound, bytes[place] == quote {
          place += 1
          continue
        }
      }
      isQuoted = false
      guard let comma = find(UInt8(ascii: ","), in: bytes, place..<line.upperBound) else { return false }
      place = comma + 1
    }
  }

  private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    guard let base = bytes.baseAddress, let found = memchr(base + range.lowerBound, Int32(byte), range.count) else {
      return nil
    }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }
}
