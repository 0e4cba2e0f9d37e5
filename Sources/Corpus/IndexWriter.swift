internal import Files
internal import Foundation
internal import GRDB
internal import Glibc
internal import Video

/// Writes `corpus.sqlite` beside its place and renames it there: readers see the old index or the whole new one.
enum IndexWriter {
  /// Raised with every change of the tables; readers refuse versions that they do not know.
  static let version = 6
  /// 2 had no `modified_seconds`, 3 no `file_id`, 4 no `probed` among its settings, those before 6 a table of files.
  static let readableVersions = 2...6

  static let schema = """
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    -- Of labels that have others than their name; indexes of earlier versions may not have this table.
    CREATE TABLE phrases (label INTEGER NOT NULL, phrase TEXT NOT NULL);
    -- Rows of one split and label are consecutive, in the order of their ranks.
    CREATE TABLE videos (
      id INTEGER PRIMARY KEY, split TEXT NOT NULL, label INTEGER NOT NULL, labels TEXT NOT NULL, file TEXT NOT NULL,
      byte_count INTEGER NOT NULL, frame_count INTEGER NOT NULL, frames_per_second REAL NOT NULL,
      start_frame INTEGER NOT NULL, end_frame INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
      codec TEXT NOT NULL, modified_seconds INTEGER,
      -- The first video of the same file, which has what is said of the file: how its frames are found, and its packet table
      -- if they are found by that (see PacketTable). NULL in the others.
      file_id INTEGER NOT NULL, access TEXT, packets BLOB);
    CREATE TABLE ranks (
      split TEXT NOT NULL, label INTEGER NOT NULL, first_id INTEGER NOT NULL, count INTEGER NOT NULL,
      PRIMARY KEY (split, label)) WITHOUT ROWID;
    CREATE TABLE hashtags (tag TEXT PRIMARY KEY, videos INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE left_out (line INTEGER NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL);
    """

  /// Writes an index of probed videos.
  static func write(
    _ rows: [IndexRow], labels: [Label], hashtags: [(tag: String, videos: Int)],
    leftOut: [CorpusBuildReport.LeftOut], seed: UInt64, fingerprint: String, to path: String
  ) throws(CorpusError) {
    try write(to: path, labels: labels, settings: ["seed": String(seed), "probed": "1"]) { database in
      try insert(rows, into: database)
      for (tag, videos) in hashtags {
        try database.execute(sql: "INSERT INTO hashtags VALUES (?, ?)", arguments: [tag, videos])
      }
      for row in leftOut {
        try database.execute(
          sql: "INSERT INTO left_out VALUES (?, ?, ?)", arguments: [row.line, row.file, row.reason])
      }
      return fingerprint
    }
  }

  /// Writes an index whose rows `body` inserts.
  ///
  /// - Parameter body: returns the fingerprint.
  static func write(
    to path: String, labels: [Label], settings: [String: String], body: (Database) throws -> String
  ) throws(CorpusError) {
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).tmp"
    do {
      try? FileManager.default.removeItem(atPath: temporary)
      // The system says better than the data base why a file cannot be made.
      try OutputFile.write([], to: temporary)
      let queue = try DatabaseQueue(path: temporary)
      // Until it has its name nobody reads it: it needs no journal.
      try queue.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
      try queue.write { database in
        try database.execute(sql: schema)
        try database.execute(sql: "PRAGMA user_version = \(version)")
        try insert(labels, into: database)
        var settings = settings
        settings["fingerprint"] = try body(database)
        for (name, value) in settings {
          try database.execute(sql: "INSERT INTO settings VALUES (?, ?)", arguments: [name, value])
        }
      }
      try queue.close()
      try Directory.replace(path, by: temporary)
    } catch {
      // Best effort: the error that led here is the one to report.
      for suffix in ["", "-journal"] { try? FileManager.default.removeItem(atPath: temporary + suffix) }
      if let error = error as? FileError { throw CorpusError(.index, error.description) }
      if let error = error as? CorpusError { throw error }
      if (error as? DatabaseError)?.resultCode == .SQLITE_FULL {
        throw CorpusError(.index, FileError("write", path, number: ENOSPC).description)
      }
      throw CorpusError(.index, "\(path): the index cannot be written", underlying: error)
    }
  }

  private static func insert(_ labels: [Label], into database: Database) throws {
    for (id, label) in labels.enumerated() {
      try database.execute(sql: "INSERT INTO labels VALUES (?, ?)", arguments: [id, label.name])
      for phrase in label.phrases where label.phrases != [label.name] {
        try database.execute(sql: "INSERT INTO phrases VALUES (?, ?)", arguments: [id, phrase])
      }
    }
  }

  private static func insert(_ rows: [IndexRow], into database: Database) throws {
    let video = try database.makeStatement(sql: "INSERT INTO videos VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
    let rank = try database.makeStatement(
      sql: """
        INSERT INTO ranks VALUES (?, ?, ?, 1) ON CONFLICT (split, label) DO UPDATE SET count = count + 1
        """)
    var fileIDs: [String: Int] = [:]
    for (id, row) in rows.enumerated() {
      let fileID = fileIDs[row.file] ?? id
      fileIDs[row.file] = fileID
      let isFirst = fileID == id
      try video.execute(arguments: [
        id, row.split.rawValue, row.label, row.labels.map(String.init).joined(separator: ","), row.file,
        row.video.byteCount, row.video.frameCount, row.video.framesPerSecond, row.frames.lowerBound,
        row.frames.upperBound, row.video.width, row.video.height, row.video.codec,
        row.video.modifiedSeconds, fileID,
        isFirst ? row.video.access.rawValue : nil, isFirst ? row.video.packets.map { Data($0) } : nil,
      ])
      try rank.execute(arguments: [row.split.rawValue, row.label, id])
    }
  }
}
