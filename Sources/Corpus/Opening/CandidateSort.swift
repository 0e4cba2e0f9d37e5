internal import Crypto
internal import Files
internal import Foundation

/// Candidates on their way into the order of the index, which is that of their records; memory is that of one run.
struct CandidateSort {
  /// Bytes of records that are sorted in memory.
  private static let runByteCount = 32 << 20
  /// Bytes of records that are hashed and sorted together.
  private static let partByteCount = 64 << 10

  private var records: ExternalSort
  private var part: [UInt8] = []
  private var hash = SHA256()
  private(set) var count = 0

  /// - Parameter path: of its runs, without their numbers.
  init(path: String) { records = ExternalSort(path: path) }

  mutating func append(_ candidate: Candidate) throws(FileError) {
    candidate.append(to: &part)
    count += 1
    if part.count >= Self.partByteCount { try flush() }
  }

  /// Ends what is sorted.
  ///
  /// - Parameter words: what else the index is made of.
  /// - Returns: SHA-256 of these and of all candidates, in hexadecimal.
  mutating func finish(_ words: [String]) throws(FileError) -> String {
    try flush()
    try records.spill()
    for word in words { hash.update(data: Data("\(word.utf8.count) \(word)".utf8)) }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  private mutating func flush() throws(FileError) {
    hash.update(data: part)
    records.append(part)
    part.removeAll(keepingCapacity: true)
    if records.bufferedCount >= Self.runByteCount { try records.spill() }
  }

  /// The candidates in order, when they are finished.
  ///
  /// - Parameter skipped: so many of the first are left out, which end with the last of a file and label.
  func groups(skipping skipped: Int) throws -> CandidateGroups {
    let records = try records.sorted()
    for _ in 0..<skipped { _ = try records.next() }
    return try CandidateGroups(records)
  }
}

/// Candidates in order, those of one file with one split and label together.
struct CandidateGroups {
  private let records: SortedRecords
  /// The first of the next group.
  private var first: Candidate?

  fileprivate init(_ records: SortedRecords) throws(FileError) {
    self.records = records
    first = try records.next().map { Candidate($0) }
  }

  mutating func next() throws(FileError) -> [Candidate]? {
    guard let first else { return nil }
    var group = [first]
    self.first = nil
    while let record = try records.next() {
      let candidate = Candidate(record)
      guard candidate.isBeside(first) else {
        self.first = candidate
        break
      }
      group.append(candidate)
    }
    return group
  }
}
