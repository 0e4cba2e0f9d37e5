internal import Files
internal import Foundation
internal import GRDB
internal import Video

/// The index of a corpus directory, opened read-only. Any thread may use it: look-ups go through one locked connection.
package final class Corpus: Sendable {
  package static let fileName = "corpus.sqlite"

  package let directory: String
  /// Label names by index.
  package let labels: [String]
  /// SHA-256 over the content of the index, in hexadecimal.
  package let fingerprint: String

  let queue: DatabaseQueue
  /// Of the index; the column is new in version 3.
  private let hasModifiedSeconds: Bool
  /// Rows of each split and label.
  private let ranges: [Split: [Range<Int>]]

  /// Opens the index of `directory`.
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
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let content = try queue.read { try Content(reading: $0) }
      self.directory = directory
      self.queue = queue
      labels = content.labels
      fingerprint = content.fingerprint
      ranges = content.ranges
      hasModifiedSeconds = content.version >= 3
    } catch {
      throw CorpusError(
        .index, "\(path): not a readable index; run `sluice corpus build \(directory)` again", underlying: error)
    }
  }

  /// Videos per label, by index of the label.
  ///
  /// A video counts for its training label (hashtags if there are any, else `labels`) in train, and for its clean
  /// label (`labels`, else hashtags) in validation and test.
  package func counts(split: Split) -> [Int] {
    (ranges[split] ?? []).map(\.count)
  }

  /// One video by its place among its label's.
  ///
  /// - Parameter rank: in `0..<counts(split:)[label]`.
  package func video(split: Split, label: Int, rank: Int) throws(CorpusError) -> VideoRecord {
    guard labels.indices.contains(label), let range = ranges[split]?[label], rank >= 0, rank < range.count else {
      throw CorpusError(.outOfRange, "\(directory): no video of split \(split), label \(label), rank \(rank)")
    }
    let rows = try records(range.lowerBound + rank..<range.lowerBound + rank + 1)
    guard let record = rows.first else {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): row \(range.lowerBound + rank) is missing; build again")
    }
    return record
  }

  /// All videos of a split in row order: by label, then rank.
  package func videos(split: Split) throws(CorpusError) -> [VideoRecord] {
    let used = (ranges[split] ?? []).filter { !$0.isEmpty }
    guard let first = used.first, let last = used.last else { return [] }
    return try records(first.lowerBound..<last.upperBound)
  }

  /// Where a manifest's `file` is: relative names, of files and shards, are relative to the corpus directory.
  static func resolve(_ file: String, directory: String) -> String {
    if case .url = VideoLocation(file) { return file }
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

  private func records(_ ids: Range<Int>) throws(CorpusError) -> [VideoRecord] {
    do {
      // One statement needs no transaction around it, which would cost more than the look-up.
      return try queue.unsafeRead { database in
        let statement = try database.cachedStatement(
          sql: """
            SELECT id, file, label, labels, frame_count, frames_per_second, byte_count, start_frame, end_frame,
              \(hasModifiedSeconds ? "modified_seconds" : "NULL")
            FROM videos WHERE id >= ? AND id < ? ORDER BY id
            """)
        let rows = try Row.fetchCursor(statement, arguments: [ids.lowerBound, ids.upperBound])
        var records: [VideoRecord] = []
        while let row = try rows.next() { records.append(try record(row)) }
        return records
      }
    } catch {
      throw CorpusError(
        .index, "\(directory)/\(Self.fileName): row \(ids.lowerBound) cannot be read; build again", underlying: error)
    }
  }

  private func record(_ row: Row) throws -> VideoRecord {
    let record = VideoRecord(
      id: try row.value(0), file: try row.value(1), path: Self.resolve(try row.value(1), directory: directory),
      label: try row.value(2), labels: (try row.value(3) as String).split(separator: ",").compactMap { Int($0) },
      frameCount: try row.value(4), framesPerSecond: try row.value(5), byteCount: try row.value(6),
      modifiedSeconds: Int.fromDatabaseValue(row.databaseValue(at: 9)), startFrame: try row.value(7),
      endFrame: try row.value(8))
    guard labels.indices.contains(record.label), record.labels.allSatisfy(labels.indices.contains),
      record.startFrame >= 0, record.startFrame < record.endFrame, record.endFrame <= record.frameCount
    else { throw CorpusError(.index, "row \(record.id) contradicts itself") }
    return record
  }
}

extension Row {
  /// The column as `Value`; an error, not a trap, when the file holds something else.
  fileprivate func value<Value: DatabaseValueConvertible>(_ column: Int) throws -> Value {
    guard let value = Value.fromDatabaseValue(databaseValue(at: column)) else {
      throw CorpusError(.index, "column \(column) holds a value of the wrong type")
    }
    return value
  }

  fileprivate func databaseValue(at column: Int) -> DatabaseValue { self[column] }
}

extension Corpus {
  /// What an index holds apart from its videos.
  private struct Content {
    let version: Int
    let labels: [String]
    let fingerprint: String
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
