internal import Crypto
internal import Files
internal import Foundation
internal import GRDB
internal import Video

/// Metadata as an index: `corpus.sqlite` of the rows with labels, whose videos nobody has opened.
///
/// One pass writes runs of records sorted by file and segment, where duplicates lie side by side; those left are sorted again, in
/// the order of the index. Memory is bounded, whatever their number. After an interruption the same call goes on where the
/// last run ended, and a call with another minimum takes the same runs.
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
  private static let runByteCount = 32 << 20

  private let directory: String
  private let pass: MatchingPass
  private let labels: LabelList
  private let draws: NameDraws
  private let seed: UInt64
  private let rejected: (_ place: String, _ reason: String) -> Void
  private let progress: (_ phase: String, _ fraction: Double, _ count: Int) throws -> Void
  /// Of what is not finished; it is locked.
  private let work: String
  private let lock: DirectoryLock
  private var state: MatchingState
  /// By the fingerprints of files and segments, then by the places of their rows.
  private var records: ExternalSort
  private let rejects: LineWriter

  /// - Parameters:
  ///   - directory: of the corpus; made if it is not there.
  ///   - labels: those that `pass` looks for.
  ///   - names: of its fields.
  ///   - seed: of the order of videos, the validation split and the choice among several labels.
  ///   - minimumVideos: labels with fewer videos to train on are dropped; the paper's 50, or 0 to keep all.
  ///   - rejects: where rows go that cannot be read, and duplicates; no file if there is none.
  ///   - rejected: called for each of them.
  ///   - progress: what is being done, its share, and rows or videos so far; an error of it interrupts.
  /// - Throws: `manifest` for metadata that cannot be read, `index` for what cannot be written and while another writes it,
  ///   `empty` without a video.
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
    try pass.requireOther(rejects)
    work = directory + "/corpus.sqlite.matching"
    guard let lock = try DirectoryLock.take(work) else {
      throw CorpusError(.index, "\(work): another pass is under way in it; wait for its end, or write to another place")
    }
    self.lock = lock
    let settings = MatchingState.Settings(
      sources: try pass.paths.map(Self.source), names: names, seed: seed, labels: Self.digest(labels))
    state = try MatchingState.read(path: work + "/state.json", settings: settings) ?? MatchingState(settings: settings)
    records = ExternalSort(path: work + "/records", runCount: state.runs)
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
    guard state.report.matched > 0 else {
      try finish()
      throw pass.nothing(of: state.report.rows)
    }
    var report = Report()
    (report.rows, report.matched, report.rejected) = (state.report.rows, state.report.matched, state.report.rejected)
    let isKept = try keptLabels(minimumVideos)
    let kept = isKept.indices.filter { isKept[$0] }
    guard !kept.isEmpty else {
      // What was read stays for a lower one.
      throw pass.nothing(of: report.rows, "none of the labels has \(minimumVideos) videos to train on")
    }
    (report.labels, report.labelsDropped) = (kept.count, isKept.count - kept.count)
    let videos = try videos(isKept, &report)
    try writeIndex(videos, kept: kept, report: &report)
    try finish()
    return report
  }

  /// Ends an index, or a pass that can be none.
  private func finish() throws {
    try rejects.finishUnlessEmpty()
    try? FileManager.default.removeItem(atPath: work)
  }

  // MARK: The pass

  private mutating func match(workers: Int) throws {
    let place =
      directory.hasPrefix("/") ? directory : FileManager.default.currentDirectoryPath + "/" + directory
    try pass.run(from: state.place, workers: workers, empty: [UInt8]()) { row, source, line, records in
      Self.encode(row, MatchedRecord.Place(source: source, line: line), directory: place, into: &records)
    } consume: { part in
      records.append(part.output)
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
    state.runs = records.runCount
    state.rejectsByteCount = try rejects.flush()
    try state.write(to: work + "/state.json")
  }

  private static func encode(
    _ row: MatchedRow, _ place: MatchedRecord.Place, directory: String, into records: inout [UInt8]
  ) {
    let startSeconds = row.startSeconds ?? 0
    let start = MatchedRecord.milliseconds(startSeconds)
    let length = min(row.endSeconds ?? .infinity, row.durationSeconds ?? .infinity)
    let end = length.isFinite ? max(MatchedRecord.milliseconds(length), start + 1) : MatchedRecord.unknownEnd
    // Who probes must see whether a segment ends before its file does.
    let fileEnd = row.endSeconds == nil ? end : row.durationSeconds.map(MatchedRecord.milliseconds)
    var file = row.file
    file.withUTF8 { bytes in
      let normal = Self.normalName(row.file, bytes, CounterRandom.Name(bytes), directory)
      // As `CorpusBuilder` compares them: what is said of the file's length makes no other segment.
      let segment = CounterRandom.key(
        seed: 0,
        [CounterRandom.hash(normal, seed: 0), (startSeconds + 0).bitPattern, (row.endSeconds ?? -1).bitPattern])
      SortedRecord.append(segment, place.number, to: &records) { records in
        MatchedRecord.append(
          file: UnsafeRawBufferPointer(bytes), milliseconds: start..<end,
          fileMilliseconds: max(fileEnd ?? MatchedRecord.unknownEnd, end), byteCount: row.byteCount ?? 0, place: place,
          split: row.split, labels: row.labels, tags: row.tags, to: &records)
      }
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

  /// Hands the rows to `body` whose file and segment no earlier row has, and the others to `duplicate` with that row's place.
  private func forEachVideo(
    _ body: (MatchedRecord) throws -> Void,
    duplicate: (MatchedRecord, _ first: MatchedRecord.Place) -> Void = { _, _ in }
  ) throws {
    var last: (segment: UInt64, place: MatchedRecord.Place)?
    try records.forEach { sorted in
      let record = MatchedRecord(sorted)
      if let last, last.segment == sorted.first { return duplicate(record, last.place) }
      last = (sorted.first, record.place)
      try body(record)
    }
  }

  /// By label, whether at least `minimum` videos to train on carry it.
  private func keptLabels(_ minimum: Int) throws -> [Bool] {
    guard minimum > 0 else { return labels.labels.map { _ in true } }
    var counts = Array(repeating: 0, count: labels.labels.count)
    try forEachVideo { record in
      guard record.split ?? draws.split(CounterRandom.Name(record.file)) == .train else { return }
      for label in record.labels { counts[label] += 1 }
    }
    return counts.map { $0 >= minimum }
  }

  /// The videos that carry a label kept, with those of their labels alone, one of which is drawn, in the order of the index.
  private func videos(_ isKept: [Bool], _ report: inout Report) throws -> ExternalSort {
    var videos = ExternalSort(path: work + "/videos")
    try forEachVideo { record in
      let labels = record.labels.filter { isKept[$0] }
      guard !labels.isEmpty else {
        report.dropped += 1
        return
      }
      let keys = IndexOrder(draws, record, labels: labels).keys
      videos.append(keys.first, keys.second) { record.append(labels: labels, to: &$0) }
      report.videos += 1
      guard videos.bufferedCount >= Self.runByteCount else { return }
      try videos.spill()
      try progress("videos sorted", Double(report.videos) / Double(report.matched), report.videos)
    } duplicate: { record, first in
      report.duplicates += 1
      reject(record, first)
    }
    try videos.spill()
    return videos
  }

  // MARK: The index

  private func writeIndex(_ videos: ExternalSort, kept: [Int], report: inout Report) throws {
    let names = kept.map { labels.labels[$0].name }
    let count = report.videos
    var fingerprint = IndexFingerprint(labels: names, count: count)
    var splits: [Split: Int] = [:]
    var done = 0
    try progress("videos", 0, 0)
    try IndexWriter.write(
      to: directory + "/" + Corpus.fileName, labels: kept.map { labels.labels[$0] },
      settings: ["seed": String(seed), "probed": "0"]
    ) { database in
      var inserter = try MatchedInserter(
        database, kept: kept, labelCount: labels.labels.count, tagCount: labels.tags.count)
      try videos.forEach { sorted in
        let order = IndexOrder(sorted)
        try inserter.insert(MatchedRecord(sorted), order, &fingerprint)
        splits[order.split, default: 0] += 1
        done += 1
        if done % 50_000 == 0 { try progress("videos", Double(done) / Double(count), done) }
      }
      try inserter.finish(tags: labels.tags)
      return fingerprint.finish()
    }
    try progress("videos", 1, done)
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
