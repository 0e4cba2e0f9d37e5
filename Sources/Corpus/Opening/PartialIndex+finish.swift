internal import GRDB
internal import Video

extension PartialIndex {
  /// Rows left out that a report lists; the table has all.
  private static let listed = 10_000

  /// Writes what follows from the rows, and reports it: ranks, fingerprint, what was left out.
  ///
  /// - Parameters:
  ///   - labels: their names.
  ///   - hashtags: with the number of videos that carry each.
  ///   - settings: but the fingerprint.
  func finish(
    labels: [String], hashtags: [(tag: String, videos: Int)], settings: [String: String],
    into report: inout CorpusBuildReport
  ) throws {
    // A process that died behind this has written them.
    for table in ["ranks", "hashtags", "left_out", "settings"] { try database.execute(sql: "DELETE FROM \(table)") }
    let used = try finishRows(labels: labels, into: &report)
    for (tag, videos) in hashtags {
      try database.execute(sql: "INSERT INTO hashtags VALUES (?, ?)", arguments: [tag, videos])
    }
    try finishLeftOut(into: &report)
    if let first = labels.indices.first(where: { !used.contains($0) }) {
      report.labelsWithoutVideos = labels.count - used.count
      report.warnings.append("\(report.labelsWithoutVideos) labels have no video, the first: \"\(labels[first])\"")
    }
    if report.splits["train"] == 0 { report.warnings.append("there is no video to train on") }
    for (name, value) in settings.merging(["fingerprint": report.fingerprint], uniquingKeysWith: { $1 }) {
      try database.execute(sql: "INSERT INTO settings VALUES (?, ?)", arguments: [name, value])
    }
    try commit()
  }

  /// - Returns: labels that have a video.
  private func finishRows(labels: [String], into report: inout CorpusBuildReport) throws -> Set<Int> {
    // The number of rows comes first in it, so it cannot be made as they are written.
    var fingerprint = IndexFingerprint(labels: labels, count: count)
    var ranks: [(split: Split, label: Int, first: Int)] = []
    var access: [FrameAccess: Int] = [:]
    var next = 0
    let statement = try database.cachedStatement(
      sql: """
        SELECT id, split, label, labels, file, byte_count, frame_count, start_frame, end_frame,
          coalesce(access, (SELECT access FROM videos AS first WHERE first.id = videos.file_id))
        FROM videos WHERE id >= ? AND id < ? ORDER BY id
        """)
    try Columns.forEachRow(of: statement, 0..<count) { row in
      let (label, start, end) = (try row.integer(2), try row.integer(7), try row.integer(8))
      guard try row.integer(0) == next, let split = Split(rawValue: try row.text(1)), labels.indices.contains(label),
        start < end, let found = FrameAccess(rawValue: try row.text(9))
      else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
      if ranks.last.map({ $0.split != split || $0.label != label }) ?? true { ranks.append((split, label, next)) }
      fingerprint.add(
        split: split, file: try row.text(4).utf8, byteCount: try row.integer(5), frameCount: try row.integer(6),
        frames: start..<end, label: label, labels: try row.integers(3))
      access[found, default: 0] += 1
      next += 1
    }
    for split in Split.allCases { report.splits[split.rawValue] = 0 }
    for (rank, end) in zip(ranks, ranks.dropFirst().map(\.first) + [count]) {
      try database.execute(
        sql: "INSERT INTO ranks VALUES (?, ?, ?, ?)",
        arguments: [rank.split.rawValue, rank.label, rank.first, end - rank.first])
      report.splits[rank.split.rawValue, default: 0] += end - rank.first
    }
    for way in FrameAccess.allCases { report.access[way.rawValue] = access[way] ?? 0 }
    report.videos = count
    report.fingerprint = fingerprint.finish()
    return Set(ranks.map(\.label))
  }

  private func finishLeftOut(into report: inout CorpusBuildReport) throws {
    try database.execute(
      sql: "INSERT INTO left_out SELECT line, file, reason FROM pass.left_out ORDER BY line, number, id")
    report.leftOutCount = try number("SELECT count(*) FROM left_out")
    report.leftOut = try Row.fetchAll(
      database, sql: "SELECT line, file, reason FROM left_out ORDER BY rowid LIMIT \(Self.listed)"
    ).map { .init(line: try $0.value(0), file: try $0.value(1), reason: try $0.value(2)) }
    if let first = try Row.fetchOne(database, sql: "SELECT line, file FROM pass.long ORDER BY number LIMIT 1") {
      let (line, file): (Int, String) = (try first.value(0), try first.value(1))
      report.warnings.append(
        "\(try number("SELECT count(*) FROM pass.long")) segments end after their video and are used up to its end, "
          + "the first: line \(line), \(file)")
    }
    let transient = try number("SELECT count(*) FROM pass.left_out WHERE transient")
    if transient > 0 {
      report.warnings.append(
        "\(transient) videos were left out for reasons that may pass (see the list); build again to include them")
    }
  }

  private func number(_ sql: String) throws -> Int { try Int.fetchOne(database, sql: sql) ?? 0 }
}
