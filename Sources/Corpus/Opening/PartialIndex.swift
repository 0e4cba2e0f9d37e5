internal import Files
internal import Foundation
internal import GRDB
internal import Video

/// An index of opened videos that is being written, row by row in its order: what was committed outlives the process, and a later
/// one with the same rows goes on behind it.
///
/// `corpus.sqlite` in a directory of its own is the index to be; `pass.sqlite` beside it has what is needed until then: how far it
/// is, where each file is by a hash of its name, and what was left out. Both are committed together.
struct PartialIndex {
  private static let names = [Corpus.fileName, "pass.sqlite"]

  private static let schema = """
    CREATE TABLE pass.state (key TEXT NOT NULL, done INTEGER NOT NULL);
    -- The first video of each file or, if it could not be opened, -1 less its place in left_out.
    CREATE TABLE pass.seen (hash INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (hash, id)) WITHOUT ROWID;
    CREATE TABLE pass.left_out (
      id INTEGER PRIMARY KEY, line INTEGER NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
      transient INTEGER NOT NULL);
    CREATE TABLE pass.long (line INTEGER NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL);
    """

  /// What is known of a file.
  struct KnownFile {
    /// As in the table `seen`.
    fileprivate let place: Int
    /// Without its packet table.
    let result: Result<ProbedVideo, ProbeFailure>
  }

  let database: Database
  /// Candidates that are dealt with.
  private(set) var done: Int
  /// The id of the next video.
  private(set) var count: Int

  // MARK: The file

  /// Goes on with the index of a directory, or begins one, and hands it to `body`. What that did not commit is gone.
  ///
  /// - Parameters:
  ///   - key: what the index is made of; one of another key is begun anew.
  ///   - leftOut: rows that have no candidate.
  ///   - warn: gets the path of one that is begun anew, and why.
  static func write<Output>(
    in directory: String, key: String, labels: [Label], leftOut: [CorpusBuildReport.LeftOut],
    warn: (_ path: String, _ reason: String) -> Void, _ body: (inout PartialIndex) throws -> Output
  ) throws -> Output {
    let paths = names.map { "\(directory)/\($0)" }
    let queue: DatabaseQueue
    if let found = try found(paths, key: key, warn: warn) {
      queue = found
    } else {
      for path in paths { for suffix in ["", "-journal"] { unlink(path + suffix) } }
      queue = try begun(paths, key: key, labels: labels, leftOut: leftOut)
    }
    let output = try queue.writeWithoutTransaction { database in
      defer { try? database.rollback() }
      var index = try PartialIndex(database)
      return try body(&index)
    }
    try queue.close()
    return output
  }

  private init(_ database: Database) throws {
    self.database = database
    done = try Int.fetchOne(database, sql: "SELECT done FROM pass.state") ?? 0
    count = try Int.fetchOne(database, sql: "SELECT max(id) + 1 FROM videos") ?? 0
    try database.beginTransaction()
  }

  /// - Returns: nil without an index of this key that is whole.
  private static func found(
    _ paths: [String], key: String, warn: (_ path: String, _ reason: String) -> Void
  ) throws -> DatabaseQueue? {
    guard FileManager.default.fileExists(atPath: paths[0]) else { return nil }
    do {
      let queue = try open(paths)
      let found = try queue.writeWithoutTransaction { database -> String? in
        guard try database.tableExists("state", in: "pass") else { return nil }
        let found = try String.fetchOne(database, sql: "SELECT key FROM pass.state")
        for part in ["main", "pass"] where found == key {
          let mistake = try String.fetchOne(database, sql: "PRAGMA \(part).quick_check(1)")
          guard mistake == "ok" else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: mistake) }
        }
        if found == key { try requireAgreement(database) }
        return found
      }
      if found == key { return queue }
      try queue.close()
      if found != nil { warn(paths[0], "unfinished, of other rows, labels or settings: begun anew") }
    } catch let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode) {
      warn(paths[0], "unfinished and damaged: begun anew")
    }
    return nil
  }

  /// - Throws: `SQLITE_CORRUPT` if one of the two files is older than the other: each candidate is a row or left out.
  private static func requireAgreement(_ database: Database) throws {
    guard try database.tableExists("videos", in: "main"),
      try Bool.fetchOne(
        database,
        sql: """
          SELECT (SELECT count(*) FROM main.videos) + (SELECT count(*) FROM pass.left_out WHERE number >= 0)
            = (SELECT done FROM pass.state)
          """) == true
    else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
  }

  private static func begun(
    _ paths: [String], key: String, labels: [Label], leftOut: [CorpusBuildReport.LeftOut]
  ) throws -> DatabaseQueue {
    let queue = try open(paths)
    try queue.write { database in
      try IndexWriter.begin(database, labels: labels)
      try database.execute(sql: schema)
      try database.execute(sql: "INSERT INTO pass.state VALUES (?, 0)", arguments: [key])
      for row in leftOut {
        try database.execute(
          sql: "INSERT INTO pass.left_out VALUES (NULL, ?, -1, ?, ?, 0)", arguments: [row.line, row.file, row.reason])
      }
    }
    return queue
  }

  private static func open(_ paths: [String]) throws -> DatabaseQueue {
    let queue = try DatabaseQueue(path: paths[0])
    try queue.writeWithoutTransaction { database in
      try database.execute(sql: "ATTACH DATABASE ? AS pass", arguments: [paths[1]])
      try database.execute(sql: "PRAGMA main.cache_size = -16384; PRAGMA pass.cache_size = -32768")
    }
    return queue
  }

  /// Makes what was written outlive the process.
  func commit() throws {
    try database.execute(sql: "UPDATE pass.state SET done = ?", arguments: [done])
    try database.commit()
    try database.beginTransaction()
  }

  // MARK: Rows

  /// What was written of a candidate's file.
  func known(_ candidate: Candidate) throws -> KnownFile? {
    let arguments: StatementArguments = [Int64(bitPattern: candidate.order.hash), candidate.file]
    let video = try database.cachedStatement(
      sql: """
        SELECT seen.id, frame_count, width, height, frames_per_second, codec, byte_count, modified_seconds, access
        FROM pass.seen JOIN videos ON videos.id = seen.id WHERE hash = ? AND file = ?
        """)
    if let row = try Row.fetchOne(video, arguments: arguments) {
      guard let access = FrameAccess(rawValue: try row.value(8)) else {
        throw DatabaseError(resultCode: .SQLITE_CORRUPT)
      }
      return KnownFile(
        place: try row.value(0),
        result: .success(
          ProbedVideo(
            frameCount: try row.value(1), width: try row.value(2), height: try row.value(3),
            framesPerSecond: try row.value(4), codec: try row.value(5), byteCount: try row.value(6),
            modifiedSeconds: Int.fromDatabaseValue(row[7]), access: access)))
    }
    let failure = try database.cachedStatement(
      sql: """
        SELECT seen.id, reason, transient
        FROM pass.seen JOIN pass.left_out AS failed ON failed.id = -1 - seen.id WHERE hash = ? AND file = ?
        """)
    return try Row.fetchOne(failure, arguments: arguments).map { row in
      KnownFile(
        place: try row.value(0),
        result: .failure(ProbeFailure(reason: try row.value(1), isTransient: try row.value(2))))
    }
  }

  /// Writes the rows of a group, or why they are left out.
  ///
  /// - Parameter known: of their file, if it was written before.
  mutating func append(
    _ group: [Candidate], _ result: Result<ProbedVideo, ProbeFailure>, known: KnownFile?
  ) throws {
    var place = known?.place
    func found(at newPlace: Int, _ candidate: Candidate) throws {
      guard place == nil else { return }
      place = newPlace
      let statement = try database.cachedStatement(sql: "INSERT INTO pass.seen VALUES (?, ?)")
      try statement.execute(arguments: [Int64(bitPattern: candidate.order.hash), newPlace])
    }
    switch result {
    case .failure(let failure):
      for candidate in group {
        try leaveOut(candidate, failure)
        try found(at: -1 - Int(database.lastInsertedRowID), candidate)
      }
    case .success(let video):
      var rows: [(candidate: Candidate, frames: Range<Int>)] = []
      for candidate in group {
        guard let frames = candidate.frames(of: video) else {
          try leaveOut(candidate, ProbeFailure(reason: "no frame lies in its segment", isTransient: false))
          continue
        }
        rows.append((candidate, frames))
        if candidate.endsAfter(video) {
          try database.execute(
            sql: "INSERT INTO pass.long VALUES (?, ?, ?)",
            arguments: [candidate.line, candidate.number, candidate.file])
        }
      }
      rows.sort { left, right in
        (left.frames.lowerBound, left.frames.upperBound, left.candidate.number)
          < (right.frames.lowerBound, right.frames.upperBound, right.candidate.number)
      }
      for (candidate, frames) in rows {
        try insert(candidate, frames, of: video, fileID: place ?? count)
        try found(at: count, candidate)
        count += 1
      }
    }
    done += group.count
  }

  private func leaveOut(_ candidate: Candidate, _ failure: ProbeFailure) throws {
    let statement = try database.cachedStatement(sql: "INSERT INTO pass.left_out VALUES (NULL, ?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      candidate.line, candidate.number, candidate.file, failure.reason, failure.isTransient,
    ])
  }

  private func insert(_ candidate: Candidate, _ frames: Range<Int>, of video: ProbedVideo, fileID: Int) throws {
    let isFirst = fileID == count
    let statement = try database.cachedStatement(
      sql: "INSERT INTO videos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
    try statement.execute(arguments: [
      count, candidate.order.split.rawValue, candidate.order.label,
      candidate.labels.map(String.init).joined(separator: ","), candidate.file,
      video.byteCount, video.frameCount, video.framesPerSecond, frames.lowerBound, frames.upperBound,
      video.width, video.height, video.codec, video.modifiedSeconds, fileID,
      isFirst ? video.access.rawValue : nil, isFirst ? video.packets.map { Data($0) } : nil,
    ])
  }
}
