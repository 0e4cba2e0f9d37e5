internal import Files
internal import Foundation
internal import GRDB
package import Video

/// The index of a corpus directory, opened read-only, as a whole or narrowed to a subset. Any thread may use it: look-ups go through one locked connection.
package final class Corpus: Sendable {
  package static let fileName = "corpus.sqlite"

  package let directory: String
  /// Names of the labels by their indices here: those of the index that the subset keeps.
  package let labels: [String]
  /// SHA-256 over the content of the index and the subset, in hexadecimal.
  package let fingerprint: String

  /// Whether the videos' frames are known. If not, times are in frames of a thousandth of a second, and videos without a frame
  /// rate are of unknown length.
  package let isProbed: Bool

  let queue: DatabaseQueue
  let layout: IndexLayout
  /// Rows of each split and label.
  let ranges: [Split: [Range<Int>]]
  /// Which videos are trained on; nil for all.
  let selection: Selection?
  /// Labels by their indices in the index.
  let places: [Int: Int]
  /// Rows to train on that are also drawn for a label which is not their own, by label; nil where each has one label only.
  private let carried: [[Int]]?

  /// Opens the index of `directory`.
  ///
  /// - Parameter subset: its file; nil for the whole index. It narrows the videos to train on, and the labels of all splits.
  /// - Throws: `missing` without an index, `index` for one that is damaged or of another version, `subset` for a subset's file
  ///   that is or is of another index.
  package convenience init(directory: String, subset: String?) throws(CorpusError) {
    let corpus = try Corpus(directory: directory)
    guard let subset else {
      self.init(corpus)
      return
    }
    self.init(corpus, try Narrowing(try Subset.read(path: subset), path: subset, of: corpus))
  }

  private init(_ corpus: Corpus, _ narrowing: Narrowing? = nil, carried: [[Int]]? = nil) {
    directory = corpus.directory
    queue = corpus.queue
    isProbed = corpus.isProbed
    layout = corpus.layout
    labels = narrowing?.labels ?? corpus.labels
    fingerprint = narrowing?.fingerprint ?? corpus.fingerprint
    ranges = narrowing?.ranges ?? corpus.ranges
    selection = narrowing?.selection ?? corpus.selection
    places = narrowing?.places ?? corpus.places
    self.carried = carried
  }

  /// The same corpus, in which a video to train on counts for every label that it carries, and is found under each: after
  /// those whose own label it is, in the order of the rows. `videos(split:)` still has each once.
  ///
  /// Reads all rows to train on once.
  package func underEveryLabel() throws(CorpusError) -> Corpus { Corpus(self, carried: try carriedRows()) }

  /// Opens the whole index of `directory`.
  ///
  /// - Throws: `missing` without an index, `index` for one that is damaged or of another version.
  package init(directory: String) throws(CorpusError) {
    let path = directory + "/" + Self.fileName
    guard FileManager.default.fileExists(atPath: path) else {
      throw CorpusError(.missing, "\(path): missing corpus; run `sluice corpus build \(directory)`")
    }
    guard !Directory.isThere(path) else {
      throw CorpusError(
        .index, "\(path): a directory, not an index; remove it and run `sluice corpus build \(directory)`")
    }
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.prepareDatabase { database in
        // An index is replaced by another, never written to: one look at it is enough, and no look-up needs a lock of its own.
        // SQLite maps as much of the file as it was compiled to, and reads the rest through its cache.
        try database.execute(
          sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16384; PRAGMA mmap_size = \(1 << 42)")
      }
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let content = try queue.read { try Content(reading: $0) }
      self.directory = directory
      self.queue = queue
      labels = content.labels
      fingerprint = content.fingerprint
      isProbed = content.isProbed
      ranges = content.ranges
      layout = IndexLayout(version: content.version)
      selection = nil
      carried = nil
      places = Dictionary(uniqueKeysWithValues: content.labels.indices.map { ($0, $0) })
    } catch {
      throw CorpusError(
        .index, "\(path): not a readable index; run `sluice corpus build \(directory)` again", underlying: error)
    }
  }

  /// - Throws: `index` for one whose videos nobody has opened: training and evaluation need their frames.
  package func requireProbed() throws(CorpusError) {
    guard !isProbed else { return }
    throw CorpusError(
      .index,
      "\(directory): its videos are not opened yet; `sluice corpus probe \(directory) --output DIR` makes an index to use"
    )
  }

  /// The seed that the index was made with.
  func seed() throws(CorpusError) -> UInt64 {
    do {
      let text = try queue.read { try String.fetchOne($0, sql: "SELECT value FROM settings WHERE name = 'seed'") }
      return text.flatMap { UInt64($0) } ?? 0
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }

  /// Videos per label, by index of the label.
  ///
  /// A video counts for its training label (hashtags if there are any, else `labels`) in train, and for its clean
  /// label (`labels`, else hashtags) in validation and test.
  package func counts(split: Split) -> [Int] {
    let own = ownCounts(split: split)
    guard split == .train else { return own }
    return carried.map { zip(own, $0).map { $0 + $1.count } } ?? own
  }

  /// Videos by the label that is their own.
  func ownCounts(split: Split) -> [Int] {
    let counts = (ranges[split] ?? []).map(\.count)
    return split == .train ? selection?.counts ?? counts : counts
  }

  /// One video by its place among its label's.
  ///
  /// - Parameter rank: in `0..<counts(split:)[label]`.
  package func video(split: Split, label: Int, rank: Int) throws(CorpusError) -> VideoRecord {
    try found(split, [(label, rank)], withPackets: false)[0].video
  }

  /// Some videos, and what the index says of their files: one look-up each, all of them behind one lock.
  ///
  /// - Parameter places: ranks in `0..<counts(split:)[label]`.
  package func indexedVideos(
    split: Split, _ places: [(label: Int, rank: Int)]
  ) throws(CorpusError) -> [(video: VideoRecord, indexed: IndexedVideo)] {
    var videos: [(video: VideoRecord, indexed: IndexedVideo)] = []
    for found in try found(split, places, withPackets: true) {
      videos.append((found.video, try indexed(found.video, packets: found.packets)))
    }
    return videos
  }

  /// - Returns: as many as there are places.
  func found(
    _ split: Split, _ places: [(label: Int, rank: Int)], withPackets: Bool
  ) throws(CorpusError) -> [(video: VideoRecord, packets: [UInt8]?)] {
    var rows: [Range<Int>] = []
    for (label, rank) in places {
      let row = try row(split, label, rank)
      rows.append(row..<row + 1)
    }
    var found = try records(rows, withPackets: withPackets)
    guard split == .train else { return found }
    for place in found.indices {
      found[place].video.label = places[place].label
      if let selection { found[place].video = selection.narrowed(found[place].video) }
    }
    return found
  }

  private func row(_ split: Split, _ label: Int, _ rank: Int) throws(CorpusError) -> Int {
    let selection = split == .train ? selection : nil
    if labels.indices.contains(label), let range = ranges[split]?[label], rank >= 0 {
      let own = selection?.counts[label] ?? range.count
      if rank < own { return range.lowerBound + (selection?.rank(label: label, index: rank) ?? rank) }
      if split == .train, let carried, rank - own < carried[label].count { return carried[label][rank - own] }
    }
    throw CorpusError(.outOfRange, "\(directory): no video of split \(split), label \(label), rank \(rank)")
  }

  /// Where a manifest's `file` is: relative names, of files and shards, are relative to the corpus directory.
  static func resolve(_ file: String, directory: String) -> String {
    if VideoLocation.isURL(file) { return file }
    return file.hasPrefix("/") ? file : directory + "/" + file
  }

  /// An absolute path without `.`, `..` and doubled slashes, by its spelling alone: links are not looked at.
  static func lexicallyNormal(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The rows of some ranges of ids, none of them missing.
  ///
  /// - Parameter withPackets: whether the packet tables of the files are read, too.
  func records(
    _ ranges: [Range<Int>], withPackets: Bool = false
  ) throws(CorpusError) -> [(video: VideoRecord, packets: [UInt8]?)] {
    var row = -1
    do {
      // One statement needs no transaction around it, which would cost more than the look-up.
      return try queue.unsafeRead { database in
        var records: [(video: VideoRecord, packets: [UInt8]?)] = []
        let statement = try database.cachedStatement(sql: withPackets ? layout.selectWithPackets : layout.select)
        for ids in ranges {
          row = ids.lowerBound
          let count = records.count + ids.count
          try Columns.forEachRow(of: statement, ids) { columns in
            records.append((try record(columns), withPackets ? columns.bytes(10) : nil))
          }
          guard records.count == count else { throw CorpusError(.index, "not all rows of \(ids) are there") }
        }
        return records
      }
    } catch {
      throw CorpusError(
        .index, "\(directory)/\(Self.fileName): row \(row) cannot be read; build again", underlying: error)
    }
  }

  private func record(_ columns: Columns) throws -> VideoRecord {
    let all = try columns.integers(3)
    let file = try columns.text(1)
    let record = VideoRecord(
      id: try columns.integer(0), file: file, path: Self.resolve(file, directory: directory),
      label: places[try columns.integer(2)] ?? -1, labels: all.compactMap { places[$0] },
      frameCount: try columns.integer(4), framesPerSecond: try columns.real(5), byteCount: try columns.integer(6),
      modifiedSeconds: try? columns.integer(9), startFrame: try columns.integer(7), endFrame: try columns.integer(8))
    guard labels.indices.contains(record.label), selection != nil || record.labels.count == all.count,
      record.startFrame >= 0, record.startFrame < record.endFrame, record.endFrame <= record.frameCount
    else { throw CorpusError(.index, "row \(record.id) contradicts itself") }
    return record
  }
}

extension Row {
  /// The column as `Value`; an error, not a trap, when the file holds something else.
  func value<Value: DatabaseValueConvertible>(_ column: Int) throws -> Value {
    guard let value = Value.fromDatabaseValue(databaseValue(at: column)) else {
      throw CorpusError(.index, "column \(column) holds a value of the wrong type")
    }
    return value
  }

  fileprivate func databaseValue(at column: Int) -> DatabaseValue { self[column] }
}

extension Corpus {
  /// What a subset leaves of an index.
  private struct Narrowing {
    let labels: [String]
    let fingerprint: String
    let ranges: [Split: [Range<Int>]]
    let selection: Selection
    let places: [Int: Int]

    init(_ subset: Subset, path: String, of corpus: Corpus) throws(CorpusError) {
      guard subset.corpus == corpus.fingerprint else {
        throw CorpusError(
          .subset, "\(path): a subset of another index than that of \(corpus.directory); make it again with its recipe")
      }
      let kept = try Corpus.keptLabels(subset.recipe, labels: corpus.labels)
      labels = kept.map { corpus.labels[$0] }
      places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
      ranges = corpus.ranges.mapValues { ranges in kept.map { ranges[$0] } }
      fingerprint = subset.fingerprint
      let pool = try corpus.pool(subset.recipe, ranges: ranges[.train]!, needsSeconds: false)
      let counts = labels.map { subset.counts[$0] ?? 0 }
      guard counts.reduce(0, +) == subset.videos, zip(counts, pool.available).allSatisfy({ $0 <= $1 }) else {
        throw CorpusError(.subset, "\(path): its counts are not of this index; make it again")
      }
      selection = Selection(
        subset.recipe, labels: labels, available: pool.available, eligible: pool.eligible, counts: counts)
    }
  }

  /// What an index holds apart from its videos.
  private struct Content {
    let version: Int
    let labels: [String]
    let fingerprint: String
    let isProbed: Bool
    let ranges: [Split: [Range<Int>]]

    init(reading database: Database) throws {
      guard let version = try Int.fetchOne(database, sql: "PRAGMA user_version"),
        IndexWriter.readableVersions.contains(version)
      else {
        let isOurs = try database.tableExists("videos") && database.tableExists("ranks")
        throw CorpusError(.index, isOurs ? "it was built by another version of Sluice" : "it is not a Sluice corpus")
      }
      var labels: [String] = []
      let names = try Row.fetchCursor(database, sql: "SELECT id, name FROM labels ORDER BY id")
      while let row = try names.next() {
        guard try row.value(0) == labels.count else { throw CorpusError(.index, "its labels are not whole") }
        labels.append(try row.value(1))
      }
      guard
        let fingerprint = try String.fetchOne(database, sql: "SELECT value FROM settings WHERE name = 'fingerprint'")
      else { throw CorpusError(.index, "it has no fingerprint") }
      isProbed = try String.fetchOne(database, sql: "SELECT value FROM settings WHERE name = 'probed'") != "0"
      var ranges: [Split: [Range<Int>]] = [:]
      for split in Split.allCases { ranges[split] = Array(repeating: 0..<0, count: labels.count) }
      let rows = try Row.fetchCursor(database, sql: "SELECT split, label, first_id, count FROM ranks")
      while let row = try rows.next() {
        let (label, first, count): (Int, Int, Int) = (try row.value(1), try row.value(2), try row.value(3))
        guard let split = Split(rawValue: try row.value(0)), labels.indices.contains(label), first >= 0, count >= 0,
          count < Int(Int32.max) * 4, first < Int(Int32.max) * 4
        else { throw CorpusError(.index, "its ranks are damaged") }
        ranges[split]?[label] = first..<first + count
      }
      (self.version, self.labels, self.fingerprint, self.ranges) = (version, labels, fingerprint, ranges)
    }
  }
}
