import Foundation
import GRDB

/// The run's ledger: incarnations, committed steps, verdicts, evaluations, workers lost. Only the coordinator opens it.
package final class Ledger {
  private let database: DatabaseQueue
  /// Counts for the report that go with the next write.
  private var deferred: [(sql: String, arguments: StatementArguments)] = []

  /// - Throws: `.ledger` when the file cannot be opened.
  package init(path: String) throws(PipelineError) {
    do {
      var configuration = Configuration()
      configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL") }
      database = try DatabaseQueue(path: path, configuration: configuration)
      try database.write { try $0.execute(sql: Self.schema) }
    } catch let error as DatabaseError where Self.isDiskFull(error) {
      throw Self.noRoom(path)
    } catch {
      throw PipelineError(.ledger, "\(path): \(error)")
    }
  }

  /// Folds the write-ahead log into the file: whoever opened it last takes the log off the disk.
  package func close() { try? database.close() }

  private static let schema = """
    CREATE TABLE IF NOT EXISTS incarnations (number INTEGER PRIMARY KEY, reason TEXT NOT NULL, ended TEXT);
    CREATE TABLE IF NOT EXISTS steps (
      version INTEGER NOT NULL, incarnation INTEGER NOT NULL, samples INTEGER NOT NULL, digest TEXT NOT NULL,
      loss REAL NOT NULL, correct INTEGER NOT NULL, rolled_back INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS steps_by_version ON steps (version);
    CREATE TABLE IF NOT EXISTS verdicts (
      kind INTEGER NOT NULL, step INTEGER NOT NULL, replica INTEGER NOT NULL, slot INTEGER NOT NULL,
      attempt INTEGER NOT NULL, video TEXT NOT NULL, reason TEXT NOT NULL,
      PRIMARY KEY (kind, step, replica, slot, attempt));
    CREATE TABLE IF NOT EXISTS evaluations (
      version INTEGER PRIMARY KEY, videos INTEGER NOT NULL, top1 REAL NOT NULL, top5 REAL NOT NULL, map REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS losses (worker TEXT NOT NULL, reason TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS fingerprints (kind TEXT PRIMARY KEY, value TEXT NOT NULL, description TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value REAL NOT NULL);
    """

  /// Runs a statement; an error of the data base is one of the run.
  private func write(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws(PipelineError) {
    do {
      try database.write { database in
        for (sql, arguments) in deferred { try database.execute(sql: sql, arguments: arguments) }
        try database.execute(sql: sql, arguments: arguments)
      }
      deferred = []
    } catch let error as DatabaseError where Self.isDiskFull(error) {
      throw Self.noRoom(database.path)
    } catch {
      throw PipelineError(.ledger, "\(database.path): \(error)")
    }
  }

  private static func noRoom(_ path: String) -> PipelineError {
    PipelineError(.diskFull, "\(path): cannot write: no room on the disk; make room there")
  }

  private static func isDiskFull(_ error: DatabaseError) -> Bool {
    error.resultCode == .SQLITE_FULL || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
  }

  /// The same for what nothing depends on: it may wait for room on the disk.
  private func note(_ sql: String, _ arguments: StatementArguments) throws(PipelineError) {
    do throws(PipelineError) {
      try write(sql, arguments)
    } catch {
      guard error.code == .diskFull else { throw error }
      deferred.append((sql, arguments))
    }
  }

  /// Writes the counts that wait for it.
  package func flush() throws(PipelineError) {
    guard let (sql, arguments) = deferred.popLast() else { return }
    try note(sql, arguments)
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws(PipelineError) -> Value {
    do {
      return try database.read(body)
    } catch {
      throw PipelineError(.ledger, "\(database.path): \(error)")
    }
  }
}

// MARK: - Incarnations

extension Ledger {
  /// Raises the incarnation and writes it before it is used.
  /// - Returns: the new number, and whether the one before ended without saying so.
  package func beginIncarnation(_ reason: String) throws(PipelineError) -> (number: UInt64, predecessorDied: Bool) {
    let last = try read { try Row.fetchOne($0, sql: "SELECT number, ended FROM incarnations ORDER BY number DESC") }
    let number = (last?["number"] as Int64? ?? 0) + 1
    try write("INSERT INTO incarnations (number, reason) VALUES (?, ?)", [number, reason])
    return (UInt64(number), last != nil && last?["ended"] as String? == nil)
  }

  package func endIncarnation(_ number: UInt64, _ how: String) throws(PipelineError) {
    try write("UPDATE incarnations SET ended = ? WHERE number = ?", [how, Int64(number)])
  }
}

// MARK: - Steps

extension Ledger {
  package struct Step: Sendable {
    package var version: Int
    package var incarnation: UInt64
    package var samples: Int
    package var digest: String
    package var loss: Double
    package var correct: Int
  }

  package func commit(_ step: Step) throws(PipelineError) {
    try write(
      "INSERT INTO steps (version, incarnation, samples, digest, loss, correct) VALUES (?, ?, ?, ?, ?, ?)",
      [step.version, Int64(step.incarnation), step.samples, step.digest, step.loss, step.correct])
  }

  /// The last committed version of the lineage that counts; 0 before the first.
  package func committedVersion() throws(PipelineError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT max(version) FROM steps WHERE rolled_back = 0") ?? 0 }
  }

  /// Marks what came after `version` as rolled back.
  package func rollBack(to version: Int) throws(PipelineError) {
    try write("UPDATE steps SET rolled_back = 1 WHERE version > ? AND rolled_back = 0", [version])
    try write("DELETE FROM evaluations WHERE version > ?", [version])
  }

  package func rolledBackCount() throws(PipelineError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM steps WHERE rolled_back = 1") ?? 0 }
  }

  /// Clips consumed over the lineage that counts.
  package func samplesUsed() throws(PipelineError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT coalesce(sum(samples), 0) FROM steps WHERE rolled_back = 0") ?? 0 }
  }

  /// Losses of the lineage that counts, in order of version.
  package func losses() throws(PipelineError) -> [Double] {
    try read { try Double.fetchAll($0, sql: "SELECT loss FROM steps WHERE rolled_back = 0 ORDER BY version") }
  }
}

// MARK: - Verdicts

extension Ledger {
  package func recordVerdict(_ key: ItemKey, video: String, reason: String) throws(PipelineError) {
    try write(
      "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?)",
      [Int(key.group.kind.rawValue), key.group.step, key.group.index, key.slot, key.attempt, video, reason])
  }

  /// The attempts failed slots of steps from `step` on are at.
  package func attempts(from step: Int) throws(PipelineError) -> [ItemKey] {
    let rows = try read {
      try Row.fetchAll(
        $0,
        sql: "SELECT step, replica, slot, max(attempt) AS attempt FROM verdicts WHERE kind = 0 AND step >= ? "
          + "GROUP BY step, replica, slot ORDER BY step, replica, slot", arguments: [step])
    }
    return rows.map { row in
      ItemKey(
        group: GroupKey(kind: .training, step: row["step"], index: row["replica"]), slot: row["slot"],
        attempt: row["attempt"] + 1)
    }
  }

  /// Substitutes drawn before `version`.
  package func substitutes(before version: Int) throws(PipelineError) -> Int {
    try read {
      try Int.fetchOne($0, sql: "SELECT count(*) FROM verdicts WHERE kind = 0 AND step < ?", arguments: [version]) ?? 0
    }
  }

  /// Every file with a verdict, with its reason.
  package func quarantined() throws(PipelineError) -> [RunReport.Quarantined] {
    let rows = try read {
      try Row.fetchAll($0, sql: "SELECT video, min(reason) AS reason FROM verdicts GROUP BY video ORDER BY video")
    }
    return rows.map { RunReport.Quarantined(video: $0["video"], reason: $0["reason"]) }
  }
}

// MARK: - Evaluations, workers, fingerprints, counters

extension Ledger {
  package func record(_ evaluation: RunReport.Evaluation, videos: Int) throws(PipelineError) {
    try write(
      "INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?)",
      [evaluation.step, videos, evaluation.top1, evaluation.top5, evaluation.map])
  }

  package func lastEvaluation() throws(PipelineError) -> RunReport.Evaluation? {
    let row = try read { try Row.fetchOne($0, sql: "SELECT * FROM evaluations ORDER BY version DESC") }
    return row.map {
      RunReport.Evaluation(step: $0["version"], top1: $0["top1"], top5: $0["top5"], map: $0["map"])
    }
  }

  package func evaluatedVersions() throws(PipelineError) -> Set<Int> {
    Set(try read { try Int.fetchAll($0, sql: "SELECT version FROM evaluations") })
  }

  package func recordLoss(of worker: WorkerID, reason: String) throws(PipelineError) {
    try note("INSERT INTO losses VALUES (?, ?)", [worker, reason])
  }

  package func workersLost() throws(PipelineError) -> Int {
    try read { try Int.fetchOne($0, sql: "SELECT count(*) FROM losses") ?? 0 }
  }

  /// The run's fingerprint of a kind; the first one given becomes it.
  package func fingerprint(orAdopt fingerprint: Fingerprint) throws(PipelineError) -> Fingerprint {
    try write(
      "INSERT OR IGNORE INTO fingerprints VALUES (?, ?, ?)",
      [fingerprint.kind.rawValue, fingerprint.value, fingerprint.description])
    return try fingerprints()[fingerprint.kind] ?? fingerprint
  }

  package func fingerprints() throws(PipelineError) -> [Fingerprint.Kind: Fingerprint] {
    var result: [Fingerprint.Kind: Fingerprint] = [:]
    for row in try read({ try Row.fetchAll($0, sql: "SELECT * FROM fingerprints") }) {
      guard let kind = Fingerprint.Kind(rawValue: row["kind"]) else { continue }
      result[kind] = Fingerprint(kind: kind, value: row["value"], description: row["description"])
    }
    return result
  }

  private static let addition =
    "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"

  /// Counted together with what is written next; a step takes one flush of the disk.
  package func addToCounter(_ name: String, _ value: Double) {
    if value != 0 { deferred.append((Self.addition, [name, value])) }
  }

  /// Up to the last write.
  package func counter(_ name: String) throws(PipelineError) -> Double {
    try read { try Double.fetchOne($0, sql: "SELECT value FROM counters WHERE name = ?", arguments: [name]) ?? 0 }
  }
}
