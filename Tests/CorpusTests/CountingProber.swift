import Corpus
import GRDB
import Synchronization
import Video

/// Counts the tries of each file.
final class CountingProber: Sendable {
  let tries = Mutex<[String: Int]>([:])

  var files: Set<String> { Set(tries.withLock(\.keys)) }

  func probe(_ path: String) throws(ProbeFailure) -> ProbedVideo {
    tries.withLock { $0[path, default: 0] += 1 }
    var video = try fakeProbe(path)
    video.access = .table
    video.packets = Array(repeating: path.utf8.last!, count: 2000)
    return video
  }
}

/// What an index says, table by table.
func indexContent(_ directory: String) throws -> [String] {
  let queue = try DatabaseQueue(path: "\(directory)/corpus.sqlite")
  defer { try? queue.close() }
  return try queue.read { database in
    let tables = ["settings", "labels", "phrases", "videos", "ranks", "hashtags", "left_out"]
    return try (tables.map { "SELECT * FROM \($0)" } + ["SELECT hex(packets) FROM videos"]).flatMap { select in
      try Row.fetchAll(database, sql: select).map { "\(select): \($0.databaseValues)" }
    }
  }
}

/// Ends a pass as the end of its process does.
struct Interruption: Error {}
