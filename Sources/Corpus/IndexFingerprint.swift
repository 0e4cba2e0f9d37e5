internal import Crypto
internal import Foundation

/// SHA-256 over what the index says, not over the database's bytes: the same on every machine and library version.
struct IndexFingerprint {
  private var hash = SHA256()
  private var pending: [UInt8] = []

  /// - Parameter count: rows of the index.
  init(labels: [String], count: Int) {
    add("sluice corpus 1")
    add(labels.count)
    for label in labels { add(label) }
    add(count)
  }

  /// Adds the next row.
  ///
  /// - Parameter file: its name in UTF-8.
  mutating func add(
    split: Split, file: some Collection<UInt8>, byteCount: Int, frameCount: Int, frames: Range<Int>, label: Int,
    labels: some Collection<Int>
  ) {
    add(split.rawValue)
    add(file)
    add(byteCount)
    add(frameCount)
    add(frames.lowerBound)
    add(frames.upperBound)
    add(label)
    add(labels.count)
    for label in labels { add(label) }
    if pending.count >= 1 << 16 { flush() }
  }

  /// In hexadecimal, of the rows so far.
  mutating func finish() -> String {
    flush()
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  private mutating func flush() {
    hash.update(data: pending)
    pending.removeAll(keepingCapacity: true)
  }

  private mutating func add(_ number: Int) {
    withUnsafeBytes(of: UInt64(bitPattern: Int64(number)).littleEndian) { pending.append(contentsOf: $0) }
  }

  // Texts go with their length, so that no two lists run together to the same bytes.
  private mutating func add(_ text: String) { add(text.utf8) }

  private mutating func add(_ text: some Collection<UInt8>) {
    add(text.count)
    pending.append(contentsOf: text)
  }
}
