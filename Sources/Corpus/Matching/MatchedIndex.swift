internal import Crypto
internal import Files
internal import Foundation
internal import GRDB
internal import Video

/// Metadata as an index: `corpus.sqlite` of the rows with labels, whose videos nobody has opened.
///
/// One pass writes sorted runs of records, which are merged into the index: memory is bounded, whatever their number. After an
/// interruption the same call goes on where the last run ended.
package struct MatchedIndex {
  /// What `sluice corpus match --index` did.
  package struct Report: Sendable, Codable, Equatable {
    package var rows = 0
    package var matched = 0
    package var rejected = 0
    /// Rows with a label whose file and segment an earlier row has, too.
    package var duplicates = 0
    /// Rows with a label that are in no label left.
    package var dropped = 0
    package var videos = 0
    package var splits: [String: Int] = [:]
    package var labels = 0
    /// Labels with too few videos to be kept.
    package var labelsDropped = 0
    package var fingerprint = ""

    private enum CodingKeys: String, CodingKey {
      case rows, matched, rejected, duplicates, dropped, videos, splits, labels, fingerprint
      case labelsDropped = "labels_dropped"
    }
  }

  /// Bytes of records that are sorted in memory.
  static let runByteCount = 32 << 20

  private let directory: String
  private let pass: MatchingPass
  private let labels: LabelList
  private let draws: NameDraws
  private let seed: UInt64
  private let rejected: (_ place: String, _ reason: String) -> Void
  private let progress: (_ phase: String, _ fraction: Double, _ count: Int) throws -> Void
  private var state: MatchingState
  private var records: ExternalSort
  /// Fingerprints of files and segments, with their places.
  private var segments: ExternalSort
  private let rejects: LineWriter

  /// - Parameters:
  ///   - directory: of the corpus; made if it is not there.
  ///   - labels: those that `pass` looks for.
  ///   - names: of its fields.
  ///   - seed: of the order of videos, the validation split and the choice among several labels.
  ///   - minimumVideos: labels with fewer videos to train on are dropped; the paper's 50, or 0 to keep all.
  ///   - rejects: where rows go that cannot be read, and duplicates; not written if there is none.
  ///   - rejected: called for each of them.
  ///   - progress: what is being done, its share, and rows or videos so far; an error of it interrupts.
  /// - Throws: `manifest` for metadata that cannot be read, `index` for what cannot be written, `empty` without a video.
  package static func write(
    to directory: String, _ pass: MatchingPass, labels: LabelList, names: MetadataNames = .init(), seed: UInt64 = 0,
    minimumVideos: Int = 0, workers: Int = ProcessInfo.processInfo.activeProcessorCount, rejects: String,
    rejected: @escaping (_ place: String, _ reason: String) -> Void = { _, _ in },
    progress: @escaping (_ phase: String, _ fraction: Double, _ count: Int) throws -> Void = { _, _, _ in }
  ) throws(CorpusError) -> Report {
    do {
      var index = try MatchedIndex(
        directory, pass, labels, names, seed: seed, rejects: rejects, rejected: rejected, progress: progress)
      return try index.write(minimumVideos: minimumVideos, workers: workers)
    } catch {
      throw error as? CorpusError ?? CorpusError(.index, "\(error)")
    }
  }

  private init(
    _ directory: String, _ pass: MatchingPass, _ labels: LabelList, _ names: MetadataNames, seed: UInt64,
    rejects: String, rejected: @escaping (String, String) -> Void,
    progress: @escaping (String, Double, Int) throws -> Void
  ) throws {
    (self.directory, self.pass, self.labels, self.seed) = (directory, pass, labels, seed)
    (self.rejected, self.progress) = (rejected, progress)
    draws = NameDraws(seed: seed)
    let work = directory + "/matching"
    try Directory.make(work)
    let settings = MatchingState.Settings(
      sources: try pass.paths.map(Self.source), names: names, seed: seed, labels: Self.digest(labels))
    state = try MatchingState.read(path: work + "/state.json", settings: settings) ?? MatchingState(settings: settings)
    records = ExternalSort(path: work + "/records", runCount: state.runs)
    segments = ExternalSort(path: work + "/segments", runCount: state.runs)
    self.rejects = try LineWriter(
      path: rejects, continuing: work + "/rejects.txt", byteCount: state.rejectsByteCount)
  }

  private static func source(_ path: String) throws -> MatchingState.Source {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return MatchingState.Source(
      path: path, byteCount: attributes[.size] as? Int ?? 0,
      modifiedSeconds: Int((attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0))
  }

  private static func digest(_ labels: LabelList) -> String {
    let text = labels.labels.map { $0.line + "\n" }.joined()
    return SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
  }

  private mutating func write(minimumVideos: Int, workers: Int) throws -> Report {
    try match(workers: workers)
    let duplicates = try duplicates()
    var kept = Array(labels.labels.indices)
    if minimumVideos > 0 { kept = try dropRare(below: minimumVideos, duplicates) }
    var report = Report()
    (report.rows, report.matched, report.rejected) = (state.report.rows, state.report.matched, state.report.rejected)
    (report.labels, report.labelsDropped) = (kept.count, labels.labels.count - kept.count)
    report.duplicates = duplicates.count
    let count = try minimumVideos > 0 ? countRecords(without: duplicates) : state.report.matched - duplicates.count
    guard count > 0 else {
      let reason =
        minimumVideos > 0 ? "none of the labels has \(minimumVideos) videos to train on" : "no row carries a label"
      throw CorpusError(.empty, "\(pass.paths[0]): of \(report.rows) rows \(reason)")
    }
    try writeIndex(count: count, kept: kept, duplicates: duplicates, report: &report)
    report.dropped = report.matched - report.duplicates - report.videos
    if try rejects.flush() > 0 { try rejects.finish() }
    try? FileManager.default.removeItem(atPath: directory + "/matching")
    return report
  }

  // MARK: The pass

  /// What a block gives: records of the two sorts.
  private struct Records: Sendable {
    var records: [UInt8] = []
    var segments: [UInt8] = []
  }

  private mutating func match(workers: Int) throws {
    let draws = draws
    let place =
      directory.hasPrefix("/") ? directory : FileManager.default.currentDirectoryPath + "/" + directory
    try pass.run(from: state.place, workers: workers, empty: Records()) { row, source, line, output in
      Self.encode(row, MatchedRecord.Place(source: source, line: line), draws, directory: place, into: &output)
    } consume: { part in
      records.append(part.output.records)
      segments.append(part.output.segments)
      state.report += part.report
      state.place = part.end
      for reject in part.rejects {
        let place = "\(pass.paths[part.source]):\(reject.line)"
        rejected(place, reject.reason)
        rejects.append(reject, at: place)
      }
      // What is read ahead is not matched yet.
      try progress("rows", min(part.fraction, 0.999), state.report.rows)
      if records.bufferedCount >= Self.runByteCount { try spill() }
    }
    try progress("rows", 1, state.report.rows)
    state.place.source = pass.paths.count
    try spill()
  }

  private mutating func spill() throws {
    try records.spill()
    try segments.spill()
    state.runs = records.runCount
    state.rejectsByteCount = try rejects.flush()
    try state.write(to: directory + "/matching/state.json")
  }

  private static func encode(
    _ row: MatchedRow, _ place: MatchedRecord.Place, _ draws: NameDraws, directory: String, into output: inout Records
  ) {
    var file = row.file
    file.withUTF8 { bytes in
      let name = CounterRandom.Name(bytes)
      let start = Int(((row.startSeconds ?? 0) * 1000).rounded())
      let length = min(row.endSeconds ?? .infinity, row.durationSeconds ?? .infinity)
      let end = length.isFinite ? max(Int((length * 1000).rounded()), start + 1) : MatchedRecord.unknownEnd
      MatchedRecord.append(
        file: UnsafeRawBufferPointer(bytes), split: draws.split(name),
        label: row.labels[draws.choice(name, among: row.labels.count)], hash: draws.order(name),
        milliseconds: start..<end, byteCount: row.byteCount ?? 0, place: place, labels: row.labels, tags: row.tags,
        to: &output.records)
      let normal = Self.normalName(row.file, bytes, name, directory)
      let segment = CounterRandom.key(seed: 0, [CounterRandom.hash(normal, seed: 0), UInt64(start), UInt64(end)])
      SortedRecord.append(segment, place.number, to: &output.segments)
    }
  }

  /// The file under the one name that all its spellings have (see `CorpusBuilder`).
  private static func normalName(
    _ file: String, _ bytes: UnsafeBufferPointer<UInt8>, _ name: CounterRandom.Name, _ directory: String
  ) -> CounterRandom.Name {
    // A URL, or an absolute path that has nothing to take away, stays as it is.
    if bytes.first == UInt8(ascii: "/"), !file.contains("//"), !file.contains("/.") { return name }
    if bytes.first == UInt8(ascii: "h"), VideoLocation.isURL(file) { return name }
    return CounterRandom.Name(Corpus.lexicallyNormal(Corpus.resolve(file, directory: directory)).utf8)
  }

  // MARK: Duplicates and rare labels

  /// Rows whose file and segment an earlier row has; the values are that row.
  private func duplicates() throws -> [MatchedRecord.Place: MatchedRecord.Place] {
    var duplicates: [MatchedRecord.Place: MatchedRecord.Place] = [:]
    var last: (segment: UInt64, place: MatchedRecord.Place)?
    try segments.forEach { record in
      let place = MatchedRecord.Place(number: record.second)
      if let last, last.segment == record.first { duplicates[place] = last.place } else { last = (record.first, place) }
    }
    return duplicates
  }

  /// Takes labels that fewer than `minimum` videos to train on carry from all records, and draws anew where the drawn one went.
  ///
  /// - Returns: the labels kept, indices rising.
  private func dropRare(
    below minimum: Int, _ duplicates: [MatchedRecord.Place: MatchedRecord.Place]
  ) throws -> [Int] {
    var counts = Array(repeating: 0, count: labels.labels.count)
    try records.forEach { record in
      let record = MatchedRecord(record)
      guard record.split == .train, duplicates[record.place] == nil else { return }
      for label in record.labels { counts[label] += 1 }
    }
    let isKept = counts.map { $0 >= minimum }
    try records.rewrite { sorted, bytes in
      let record = MatchedRecord(sorted)
      let labels = record.labels.filter { isKept[$0] }
      guard !labels.isEmpty else { return }
      let label = labels[draws.choice(CounterRandom.Name(record.file), among: labels.count)]
      record.append(labels: labels, label: label, to: &bytes)
    }
    return isKept.indices.filter { isKept[$0] }
  }

  private func countRecords(without duplicates: [MatchedRecord.Place: MatchedRecord.Place]) throws -> Int {
    var count = 0
    try records.forEach { if duplicates[MatchedRecord($0).place] == nil { count += 1 } }
    return count
  }

  // MARK: The index

  private func writeIndex(
    count: Int, kept: [Int], duplicates: [MatchedRecord.Place: MatchedRecord.Place], report: inout Report
  ) throws {
    let names = kept.map { labels.labels[$0].name }
    var fingerprint = IndexFingerprint(labels: names, count: count)
    var splits: [Split: Int] = [:]
    var done = 0
    try IndexWriter.write(
      to: directory + "/" + Corpus.fileName, labels: kept.map { labels.labels[$0] },
      settings: ["seed": String(seed), "probed": "0"]
    ) { database in
      var inserter = try MatchedInserter(
        database, kept: kept, labelCount: labels.labels.count, tagCount: labels.tags.count)
      try records.forEach { sorted in
        let record = MatchedRecord(sorted)
        if let first = duplicates[record.place] { return reject(record, first) }
        try inserter.insert(record, &fingerprint)
        splits[record.split, default: 0] += 1
        done += 1
        if done % 50_000 == 0 { try progress("videos", Double(done) / Double(count), done) }
      }
      try inserter.finish(tags: labels.tags)
      return fingerprint.finish()
    }
    try progress("videos", 1, done)
    report.videos = done
    for split in Split.allCases { report.splits[split.rawValue] = splits[split] ?? 0 }
    report.fingerprint = fingerprint.finish()
  }

  private func reject(_ record: MatchedRecord, _ first: MatchedRecord.Place) {
    let (place, other) = (
      "\(pass.paths[record.place.source]):\(record.place.line)", "\(pass.paths[first.source]):\(first.line)"
    )
    let reason = "the same file and segment as \(other)"
    rejected(place, reason)
    rejects.append(.init(line: record.place.line, reason: reason, bytes: Array(record.file)), at: place)
  }
}
