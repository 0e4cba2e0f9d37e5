internal import Glibc

/// The places in the table of tags of those texts that were looked up last, by their bytes: normalising what is not ASCII takes
/// several thousand instructions, and most of the tags that people write are written often. 4 MiB, whatever they are.
struct TagCache {
  private static let slotCount = 1 << 16
  /// Bytes of a slot: the text's count, 0 for an empty one, and the text.
  private static let slotBytes = 64

  private var texts: [UInt8] = Array(repeating: 0, count: slotCount * slotBytes)
  /// -1 for a text without labels.
  private var entries: [Int32] = Array(repeating: -1, count: slotCount)

  /// What was found for a text.
  enum Found: Equatable {
    /// A place in the table.
    case entry(Int)
    /// No labels.
    case nothing
  }

  /// - Returns: nil for a text that is not there.
  func find(_ text: UnsafeBufferPointer<UInt8>) -> Found? {
    guard let base = text.baseAddress, text.count < Self.slotBytes else { return nil }
    let slot = Self.slot(text)
    let place = slot * Self.slotBytes
    let isThere = texts.withUnsafeBufferPointer {
      Int($0[place]) == text.count && memcmp($0.baseAddress! + place + 1, base, text.count) == 0
    }
    guard isThere else { return nil }
    return entries[slot] < 0 ? .nothing : .entry(Int(entries[slot]))
  }

  /// Keeps what was found for a text in the place of another; nothing for one of more than 63 bytes.
  mutating func keep(_ entry: Int?, for text: UnsafeBufferPointer<UInt8>) {
    guard let base = text.baseAddress, text.count < Self.slotBytes else { return }
    let slot = Self.slot(text)
    texts.withUnsafeMutableBufferPointer {
      $0[slot * Self.slotBytes] = UInt8(text.count)
      memcpy($0.baseAddress! + slot * Self.slotBytes + 1, base, text.count)
    }
    entries[slot] = entry.map { Int32($0) } ?? -1
  }

  private static func slot(_ text: UnsafeBufferPointer<UInt8>) -> Int { TagTable.hash(text) & (slotCount - 1) }
}
