/// Labels by hashtag, looked up by the tag's bytes: millions of tags end to end in one array, found without making a string.
struct TagTable: Sendable {
  private struct Entry {
    let start: Int
    let count: Int32
    /// A label or, below 0, the complement of a place in `shared`.
    var label: Int32
  }

  /// Normalised tags in UTF-8, one after the other.
  private var bytes: [UInt8] = []
  private var entries: [Entry] = []
  /// Labels of the tags that have several, indices rising.
  private var shared: [[Int32]] = []
  /// Open addressing with linear probing: entry + 1, or 0; a power of two, at most half full.
  private var slots: [Int32] = Array(repeating: 0, count: 16)

  /// Adds a label to a normalised tag, if it is not there yet; labels of one tag come in rising order.
  mutating func add(_ tag: UnsafeBufferPointer<UInt8>, label: Int) {
    let label = Int32(label)
    let slot = find(tag)
    guard slots[slot] > 0 else {
      entries.append(Entry(start: bytes.count, count: Int32(tag.count), label: label))
      bytes.append(contentsOf: tag)
      slots[slot] = Int32(entries.count)
      if entries.count * 2 > slots.count { grow() }
      return
    }
    let entry = Int(slots[slot] - 1)
    let known = entries[entry].label
    if known >= 0 {
      guard known != label else { return }
      entries[entry].label = ~Int32(shared.count)
      shared.append([known, label])
    } else if shared[Int(~known)].last != label {
      shared[Int(~known)].append(label)
    }
  }

  /// Number of tags.
  var count: Int { entries.count }

  /// The place of a normalised tag, in `0..<count`; nil for one without labels.
  func entry(of tag: UnsafeBufferPointer<UInt8>) -> Int? {
    let slot = slots[find(tag)]
    return slot > 0 ? Int(slot - 1) : nil
  }

  /// The tag at a place.
  func tag(entry: Int) -> String {
    let entry = entries[entry]
    return String(decoding: bytes[entry.start..<entry.start + Int(entry.count)], as: UTF8.self)
  }

  /// Hands each label of the tag at a place to `body`.
  func forEachLabel(entry: Int, _ body: (Int) -> Void) {
    let label = entries[entry].label
    if label >= 0 { return body(Int(label)) }
    for label in shared[Int(~label)] { body(Int(label)) }
  }

  /// Hands each label of a normalised tag to `body`.
  func forEachLabel(of tag: String, _ body: (Int) -> Void) {
    var tag = tag
    if let entry = tag.withUTF8({ entry(of: $0) }) { forEachLabel(entry: entry, body) }
  }

  /// Tags of several labels, by their bytes.
  var collisions: [(tag: String, labels: [Int])] {
    entries.indices.filter { entries[$0].label < 0 }.map { entry in
      (tag(entry: entry), shared[Int(~entries[entry].label)].map { Int($0) })
    }.sorted { $0.tag < $1.tag }
  }

  /// The slot of a tag: its own, or the free one where it would go.
  private func find(_ tag: UnsafeBufferPointer<UInt8>) -> Int {
    var slot = Self.hash(tag) & (slots.count - 1)
    while slots[slot] > 0 {
      let entry = entries[Int(slots[slot] - 1)]
      if Int(entry.count) == tag.count,
        bytes.withUnsafeBufferPointer({ $0[entry.start..<entry.start + tag.count].elementsEqual(tag) })
      {
        return slot
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: slots.count * 2)
    bytes.withUnsafeBufferPointer { bytes in
      for (index, entry) in entries.enumerated() {
        var slot = Self.hash(.init(rebasing: bytes[entry.start..<entry.start + Int(entry.count)])) & (slots.count - 1)
        while slots[slot] > 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index + 1)
      }
    }
  }

  /// FNV-1a, mixed so that its low bits are good.
  static func hash(_ tag: UnsafeBufferPointer<UInt8>) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in tag { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int(truncatingIfNeeded: CounterRandom.mix(hash))
  }
}
