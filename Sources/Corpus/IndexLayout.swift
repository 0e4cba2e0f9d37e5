internal import GRDB
internal import GRDBSQLite

/// How the rows of an index of one version are read.
struct IndexLayout: Sendable {
  /// Videos by their ids, a range of them: id, file, label, labels, frame_count, frames_per_second, byte_count, start_frame,
  /// end_frame, modified_seconds.
  let select: String
  /// The same, and the packets of the file.
  let selectWithPackets: String

  init(version: Int) {
    // `modified_seconds` is new in version 3, `file_id` in 4; `videos` holds the packets from 6 on.
    let modified = version >= 3 ? "modified_seconds" : "NULL"
    let file = version >= 4 ? "files.id = videos.file_id" : "files.file = videos.file"
    let packets =
      version >= 6
      ? "iif(file_id = id, packets, (SELECT packets FROM videos AS first WHERE first.id = videos.file_id))"
      : "(SELECT packets FROM files WHERE \(file))"
    func select(_ more: String) -> String {
      """
      SELECT id, file, label, labels, frame_count, frames_per_second, byte_count, start_frame, end_frame, \(modified)\(more)
      FROM videos WHERE id >= ? AND id < ? ORDER BY id
      """
    }
    self.select = select("")
    selectWithPackets = select(", \(packets)")
  }
}

/// The columns of a statement's current row, read without the detour over a row of the data base library, which costs more
/// than finding it: a plan makes a look-up for every clip. Whatever the file holds, reading is an error at worst.
struct Columns {
  private let statement: OpaquePointer

  /// Runs a statement with two parameters, the ends of a range of ids.
  static func forEachRow(of statement: Statement, _ ids: Range<Int>, _ body: (Columns) throws -> Void) throws {
    let pointer = statement.sqliteStatement
    defer { sqlite3_reset(pointer) }
    sqlite3_reset(pointer)
    sqlite3_bind_int64(pointer, 1, Int64(ids.lowerBound))
    sqlite3_bind_int64(pointer, 2, Int64(ids.upperBound))
    while true {
      switch sqlite3_step(pointer) {
      case SQLITE_ROW: try body(Columns(statement: pointer))
      case SQLITE_DONE: return
      case let code: throw CorpusError(.index, String(cString: sqlite3_errstr(code)))
      }
    }
  }

  func integer(_ column: Int32) throws -> Int {
    guard sqlite3_column_type(statement, column) == SQLITE_INTEGER else { throw mistake(column) }
    return Int(sqlite3_column_int64(statement, column))
  }

  func real(_ column: Int32) throws -> Double {
    guard [SQLITE_INTEGER, SQLITE_FLOAT].contains(sqlite3_column_type(statement, column)) else { throw mistake(column) }
    return sqlite3_column_double(statement, column)
  }

  func text(_ column: Int32) throws -> String { String(decoding: try characters(column), as: UTF8.self) }

  /// Numbers with commas between them; what is none is left out.
  func integers(_ column: Int32) throws -> [Int] {
    try characters(column).split(separator: UInt8(ascii: ",")).compactMap { Int(String(decoding: $0, as: UTF8.self)) }
  }

  /// Nil for anything but a blob.
  func bytes(_ column: Int32) -> [UInt8]? {
    guard sqlite3_column_type(statement, column) == SQLITE_BLOB, let start = sqlite3_column_blob(statement, column)
    else {
      return nil
    }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
  }

  /// Valid until the next step.
  private func characters(_ column: Int32) throws -> UnsafeBufferPointer<UInt8> {
    guard sqlite3_column_type(statement, column) == SQLITE_TEXT, let start = sqlite3_column_text(statement, column)
    else {
      throw mistake(column)
    }
    return UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
  }

  private func mistake(_ column: Int32) -> CorpusError {
    CorpusError(.index, "column \(column) holds a value of the wrong type")
  }
}
