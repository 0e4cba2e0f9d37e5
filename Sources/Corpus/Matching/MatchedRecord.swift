internal import Foundation

/// A matched row on its way into the index, as a record of an `ExternalSort`: the keys are its split and label, and the seeded
/// hash of its file's name, so that records come in the order of the index (see `IndexRow.sort`).
struct MatchedRecord {
  /// Times are in thousandths of a second; the end of a video whose length nobody knows.
  static let unknownEnd = Int(Manifest.longestSeconds * 1000)

  /// Where a row was: its file's index and its line, in the order of reading.
  struct Place: Hashable, Comparable {
    let number: UInt64

    init(source: Int, line: Int) { number = UInt64(source) << 40 | UInt64(line) }
    init(number: UInt64) { self.number = number }

    var source: Int { Int(number >> 40) }
    var line: Int { Int(number & (1 << 40 - 1)) }

    static func < (left: Self, right: Self) -> Bool { left.number < right.number }
  }

  let split: Split
  let label: Int
  let hash: UInt64
  /// The file's name in UTF-8.
  let file: UnsafeRawBufferPointer
  let milliseconds: Range<Int>
  let byteCount: Int
  let place: Place
  private let lists: UnsafeRawPointer

  init(_ record: SortedRecord) {
    split = Split.allCases[Int(record.first >> 32)]
    label = Int(record.first & 0xFFFF_FFFF)
    hash = record.second
    let payload = record.payload
    let nameCount = Int(payload.loadUnaligned(fromByteOffset: payload.count - 4, as: UInt32.self))
    file = UnsafeRawBufferPointer(rebasing: payload[..<nameCount])
    func number(_ index: Int) -> UInt64 {
      payload.loadUnaligned(fromByteOffset: nameCount + 1 + 8 * index, as: UInt64.self)
    }
    milliseconds = Int(UInt64(bigEndian: number(0)))..<Int(UInt64(bigEndian: number(1)))
    byteCount = Int(number(2))
    place = Place(number: number(3))
    lists = payload.baseAddress! + nameCount + 1 + 32
  }

  private var labelCount: Int { Int(lists.loadUnaligned(as: UInt32.self)) }
  private var tagCount: Int { Int(lists.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) }

  /// All labels, indices rising.
  var labels: some RandomAccessCollection<Int> {
    (0..<labelCount).lazy.map { Int(lists.loadUnaligned(fromByteOffset: 8 + 4 * $0, as: UInt32.self)) }
  }

  /// Places of its tags in the table.
  var tags: some RandomAccessCollection<Int> {
    let start = 8 + 4 * labelCount
    return (0..<tagCount).lazy.map { Int(lists.loadUnaligned(fromByteOffset: start + 4 * $0, as: UInt32.self)) }
  }

  /// Appends the record of a row.
  ///
  /// - Parameters:
  ///   - labels: indices rising, at least one.
  ///   - label: the one of them that is drawn.
  static func append(
    file: UnsafeRawBufferPointer, split: Split, label: Int, hash: UInt64, milliseconds: Range<Int>, byteCount: Int,
    place: Place, labels: some Collection<Int>, tags: some Collection<Int>, to bytes: inout [UInt8]
  ) {
    let first = UInt64(Split.allCases.firstIndex(of: split)!) << 32 | UInt64(label)
    SortedRecord.append(first, hash, to: &bytes) { bytes in
      func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
      }
      // Names are compared as far as their end, then the segments.
      bytes.append(contentsOf: file)
      bytes.append(0)
      append(UInt64(milliseconds.lowerBound).bigEndian)
      append(UInt64(milliseconds.upperBound).bigEndian)
      append(UInt64(byteCount))
      append(place.number)
      append(UInt32(labels.count))
      append(UInt32(tags.count))
      for label in labels { append(UInt32(label)) }
      for tag in tags { append(UInt32(tag)) }
      append(UInt32(file.count))
    }
  }

  /// The same record with fewer labels.
  func append(labels: [Int], label: Int, to bytes: inout [UInt8]) {
    Self.append(
      file: file, split: split, label: label, hash: hash, milliseconds: milliseconds, byteCount: byteCount,
      place: place, labels: labels, tags: tags, to: &bytes)
  }
}

/// What follows from a file's name and the seed: split, order and choice among several labels.
struct NameDraws: Sendable {
  private let seed: UInt64
  private static let split = CounterRandom.hash("split", seed: 0)
  private static let label = CounterRandom.hash("label", seed: 0)

  init(seed: UInt64) { self.seed = seed }

  /// A tenth of the files without a split is validation.
  func split(_ name: CounterRandom.Name) -> Split {
    CounterRandom.hash(name, seed: seed, Self.split) % 10 == 0 ? .validation : .train
  }

  /// The order of a label's videos.
  func order(_ name: CounterRandom.Name) -> UInt64 { CounterRandom.hash(name, seed: seed) }

  /// - Parameter count: of labels, at least 1.
  func choice(_ name: CounterRandom.Name, among count: Int) -> Int {
    count == 1 ? 0 : Int(CounterRandom.hash(name, seed: seed, Self.label) % UInt64(count))
  }
}
