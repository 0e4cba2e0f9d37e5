internal import Glibc

/// Whole records of a file of metadata, end to end, with the line breaks between them.
struct RecordBlock: Sendable {
  let bytes: [UInt8]
  /// Line of the first record, from 1.
  let firstLine: Int

  /// Hands each record, without its line break, to `body`; its bytes are good for the call alone.
  ///
  /// - Parameters:
  ///   - quotes: whether line breaks in quotes belong to a record, as in CSV.
  ///   - body: gets the record's line, too.
  func forEachRecord(quotes: Bool, _ body: (_ line: Int, UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var (start, scanned, line, nextLine, isQuoted) = (0, 0, firstLine, firstLine, false)
      while scanned < bytes.count {
        let end = Self.newline(in: bytes, from: scanned) ?? bytes.count
        if quotes { isQuoted = isQuoted != Self.hasOddQuotes(bytes, scanned..<end) }
        (scanned, nextLine) = (end + 1, nextLine + 1)
        if isQuoted, scanned < bytes.count { continue }
        body(line, UnsafeBufferPointer(rebasing: bytes[start..<end]))
        (start, line, isQuoted) = (scanned, nextLine, false)
      }
    }
  }

  /// Where the last whole record of `bytes` ends, behind its line break; 0 for none.
  static func lastEnd(in bytes: UnsafeBufferPointer<UInt8>, quotes: Bool) -> Int {
    guard quotes else { return bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0 }
    var (end, scanned, isQuoted) = (0, 0, false)
    while let found = newline(in: bytes, from: scanned) {
      isQuoted = isQuoted != hasOddQuotes(bytes, scanned..<found)
      scanned = found + 1
      if !isQuoted { end = scanned }
    }
    return end
  }

  private static func newline(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, bytes.count - start) else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }

  private static func hasOddQuotes(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
    var count = 0
    for index in range where bytes[index] == UInt8(ascii: "\"") { count &+= 1 }
    return count & 1 == 1
  }
}
