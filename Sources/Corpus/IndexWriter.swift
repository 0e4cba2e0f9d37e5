internal import Files
internal import Foundation
internal import GRDB
internal import Glibc

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
        try begin(database, labels: labels)
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
      throw self.error(error, path: path)
    }
  }

  /// Makes the tables, and writes the labels.
  static func begin(_ database: Database, labels: [Label]) throws {
    try database.execute(sql: schema)
    try database.execute(sql: "PRAGMA user_version = \(version)")
    try insert(labels, into: database)
  }

  /// What went wrong with writing an index, by the name of its file.
  static func error(_ error: any Error, path: String) -> CorpusError {
    if let error = error as? FileError { return CorpusError(.index, error.description) }
    if let error = error as? CorpusError { return error }
    switch (error as? DatabaseError)?.resultCode {
    case .SQLITE_FULL?: return CorpusError(.index, FileError("write", path, number: ENOSPC).description)
    case .SQLITE_CORRUPT?, .SQLITE_NOTADB?:
      return CorpusError(.index, "\(path): damaged while it was written; remove it and give the command again")
    default: return CorpusError(.index, "\(path): the index cannot be written", underlying: error)
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
}
