/// Whole records of a file of metadata, end to end, with the line breaks between them.
struct RecordBlock: Sendable {
  let bytes: [UInt8]
  /// Line of the first record, from 1.
  let firstLine: Int
  let ends: RecordEnds

  /// Hands each record, without its line break, to `body`; its bytes are good for the call alone.
  ///
  /// - Parameter body: gets the record's line, too.
  func forEachRecord(_ body: (_ line: Int, UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var (start, line) = (0, firstLine)
      while let (end, lines) = ends.end(from: start, in: bytes, isWhole: true) {
        body(line, UnsafeBufferPointer(rebasing: bytes[start..<(bytes[end - 1] == 0x0A ? end - 1 : end)]))
        (start, line) = (end, line + lines)
      }
    }
  }
}
