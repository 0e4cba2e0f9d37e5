/// A matched row on its way into the index, as the payload of a record of an `ExternalSort`.
struct MatchedRecord {
  /// Times are in thousandths of a second; the end of a video whose length nobody knows.
  static let unknownEnd = Int(Manifest.longestSeconds * 1000)

  /// - Parameter seconds: up to `Manifest.longestSeconds`.
  static func milliseconds(_ seconds: Double) -> Int { Int((seconds * 1000).rounded()) }

  /// Where a row was: its file's index and its line, in the order of reading.
  struct Place: Hashable, Comparable {
    let number: UInt64

    init(source: Int, line: Int) { number = UInt64(source) << 40 | UInt64(line) }
    init(number: UInt64) { self.number = number }

    var source: Int { Int(number >> 40) }
    var line: Int { Int(number & (1 << 40 - 1)) }

    static func < (left: Self, right: Self) -> Bool { left.number < right.number }
  }

  /// The file's name in UTF-8.
  let file: UnsafeRawBufferPointer
  let milliseconds: Range<Int>
  /// Of the file; that of the segment where it goes to the file's end.
  let fileMilliseconds: Int
  let byteCount: Int
  let place: Place
  /// nil where the file's name and the seed decide.
  let split: Split?
  private let lists: UnsafeRawPointer

  init(_ record: SortedRecord) {
    let payload = record.payload
    let nameCount = Int(payload.loadUnaligned(fromByteOffset: payload.count - 4, as: UInt32.self))
    file = UnsafeRawBufferPointer(rebasing: payload[..<nameCount])
    func number(_ index: Int) -> UInt64 {
      payload.loadUnaligned(fromByteOffset: nameCount + 1 + 8 * index, as: UInt64.self)
    }
    milliseconds = Int(UInt64(bigEndian: number(0)))..<Int(UInt64(bigEndian: number(1)))
    (fileMilliseconds, byteCount) = (Int(number(2)), Int(number(3)))
    place = Place(number: number(4))
    let splitNumber = Int(payload[nameCount + 1 + 40])
    split = splitNumber == 0 ? nil : Split.allCases[splitNumber - 1]
    lists = payload.baseAddress! + nameCount + 1 + 41
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

  /// Appends the payload of a row.
  ///
  /// - Parameters:
  ///   - labels: indices rising, at least one.
  ///   - tags: their places in the table.
  static func append(
    file: UnsafeRawBufferPointer, milliseconds: Range<Int>, fileMilliseconds: Int, byteCount: Int, place: Place,
    split: Split?, labels: some Collection<Int>, tags: some Collection<Int>, to bytes: inout [UInt8]
  ) {
    func append(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }
    // Names are compared as far as their end, then the segments.
    bytes.append(contentsOf: file)
    bytes.append(0)
    append(UInt64(milliseconds.lowerBound).bigEndian)
    append(UInt64(milliseconds.upperBound).bigEndian)
    append(UInt64(fileMilliseconds))
    append(UInt64(byteCount))
    append(place.number)
    append(UInt8(split.flatMap { Split.allCases.firstIndex(of: $0) }.map { $0 + 1 } ?? 0))
    append(UInt32(labels.count))
    append(UInt32(tags.count))
    for label in labels { append(UInt32(label)) }
    for tag in tags { append(UInt32(tag)) }
    append(UInt32(file.count))
  }

  /// The same payload with other labels.
  func append(labels: [Int], to bytes: inout [UInt8]) {
    Self.append(
      file: file, milliseconds: milliseconds, fileMilliseconds: fileMilliseconds, byteCount: byteCount,
      place: place, split: split, labels: labels, tags: tags, to: &bytes)
  }
}

/// The place of a row in the index: by split, drawn label, and seeded hash of its file's name, then by the name and the segment
/// (see `Candidate`), which a `MatchedRecord` begins with.
struct IndexOrder: Sendable {
  let split: Split
  let label: Int
  /// Of the file's name, seeded.
  let hash: UInt64

  init(split: Split, label: Int, hash: UInt64) { (self.split, self.label, self.hash) = (split, label, hash) }

  /// - Parameters:
  ///   - labels: of the record, of which one is drawn.
  init(_ draws: NameDraws, _ record: MatchedRecord, labels: [Int]) {
    let name = CounterRandom.Name(record.file)
    (split, hash) = (record.split ?? draws.split(name), draws.order(name))
    label = labels[draws.choice(name, among: labels.count)]
  }

  /// Of a record with its keys.
  init(_ record: SortedRecord) {
    split = Split.allCases[Int(record.first >> 32)]
    label = Int(record.first & 0xFFFF_FFFF)
    hash = record.second
  }

  var keys: (first: UInt64, second: UInt64) {
    (UInt64(Split.allCases.firstIndex(of: split)!) << 32 | UInt64(label), hash)
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
