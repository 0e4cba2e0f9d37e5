internal import Crypto

/// SHA-256 over what the index says, not over the database's bytes: the same on every machine and library version.
enum IndexFingerprint {
  static func compute(rows: [IndexRow], labels: [String]) -> String {
    var hash = SHA256()
    func add(_ number: Int) {
      withUnsafeBytes(of: UInt64(bitPattern: Int64(number)).littleEndian) { hash.update(bufferPointer: $0) }
    }
    // Texts go with their length, so that no two lists run together to the same bytes.
    func add(_ text: String) {
      add(text.utf8.count)
      hash.update(data: Array(text.utf8))
    }
    add("sluice corpus 1")
    add(labels.count)
    for label in labels { add(label) }
    add(rows.count)
    for row in rows {
      add(row.split.rawValue)
      add(row.file)
      add(row.video.byteCount)
      add(row.video.frameCount)
      add(row.frames.lowerBound)
      add(row.frames.upperBound)
      add(row.label)
      add(row.labels.count)
      for label in row.labels { add(label) }
    }
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
