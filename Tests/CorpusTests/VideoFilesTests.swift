import Corpus
import Foundation
import GRDB
import Testing
import Video

@Suite struct VideoFilesTests {
  @Test func realFilesAreProbedAndDamagedOnesLeftOut() throws {
    let names = ["good.mp4", "text.mp4", "empty.mp4", "missing.mp4", "truncated.mp4"]
    let collection = try Collection(manifest: names.map { line($0, labels: ["x"]) })
    let good = collection.directory + "/good.mp4"
    let writer = try VideoWriter(path: good, width: 64, height: 48, framesPerSecond: (25, 1), options: .init())
    for frame in 0..<12 {
      let pixels = [UInt8](repeating: UInt8(frame * 20), count: 64 * 48 * 3)
      try pixels.withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: good))
    try bytes.prefix(bytes.count / 3).write(to: URL(fileURLWithPath: collection.directory + "/truncated.mp4"))
    try collection.write("this is text", to: "text.mp4")
    try collection.write("", to: "empty.mp4")

    let report = try CorpusBuilder.build(directory: collection.directory, labelsFile: nil, workers: 2)
    #expect(report.videos == 1)
    #expect(report.leftOut.map(\.file) == ["text.mp4", "empty.mp4", "missing.mp4", "truncated.mp4"])
    #expect(report.leftOut.allSatisfy { !$0.reason.isEmpty })
    let record = try Corpus(directory: collection.directory).video(split: .train, label: 0, rank: 0)
    #expect(record.frameCount == 12)
    #expect(record.framesPerSecond == 25)
    #expect(record.byteCount == bytes.count)
    #expect(report.access == ["table": 1, "probe": 0, "linear": 0])
  }

  /// The index keeps a file's packet table once, and hands it out with the file's size and frames.
  @Test func theIndexKeepsPacketTables() throws {
    let segments = ["0", "0.2"].map {
      "{\"file\": \"a.mp4\", \"labels\": [\"x\"], \"start\": \($0), \"split\": \"train\"}"
    }
    let collection = try Collection(manifest: segments + [line("b.avi", labels: ["x"])])
    let path = collection.directory + "/a.mp4"
    for (file, codec) in [("a.mp4", "libx264"), ("b.avi", "mpeg4")] {
      var options = VideoWriterOptions()
      options.codec = codec
      options.bFrames = 2
      let writer = try VideoWriter(
        path: collection.directory + "/" + file, width: 64, height: 48, framesPerSecond: (25, 1), options: options)
      for frame in 0..<12 {
        try [UInt8](repeating: UInt8(frame * 20), count: 64 * 48 * 3).withUnsafeBytes { try writer.append(rgb: $0) }
      }
      try writer.finish()
    }
    let report = try CorpusBuilder.build(directory: collection.directory, labelsFile: nil, workers: 2)
    #expect(report.access == ["table": 2, "probe": 0, "linear": 1])
    let videos = try checkTables(collection, path)
    let queue = try DatabaseQueue(path: collection.directory + "/" + Corpus.fileName)
    try queue.write { database in
      #expect(try Int.fetchOne(database, sql: "SELECT COUNT(access) FROM videos") == 2)
      // As version 4 had it.
      try database.execute(
        sql: """
          CREATE TABLE files (id INTEGER PRIMARY KEY, file TEXT NOT NULL, access TEXT NOT NULL, packets BLOB);
          INSERT INTO files SELECT id, file, access, packets FROM videos WHERE access IS NOT NULL;
          UPDATE videos SET packets = NULL; PRAGMA user_version = 4
          """)
    }
    #expect(try checkTables(collection, path) == videos)
    try queue.write { database in
      try database.execute(sql: "UPDATE files SET packets = substr(packets, 1, length(packets) - 1)")
    }
    try queue.close()
    let damaged = try Corpus(directory: collection.directory)
    let error = corpusError { for video in videos { _ = try damaged.indexed(video) } }
    #expect(error?.code == .index && error?.message.contains("a.mp4") == true)
  }

  private func checkTables(_ collection: Collection, _ path: String) throws -> [VideoRecord] {
    let corpus = try Corpus(directory: collection.directory)
    let videos = try corpus.videos(split: .train)
    #expect(videos.count == 3)
    for (rank, video) in videos.enumerated() {
      let found = try corpus.indexedVideos(split: .train, [(0, rank)])[0]
      let indexed = try corpus.indexed(video)
      #expect(found.video == video && found.indexed == indexed)
      #expect(indexed.frameCount == 12 && indexed.byteCount == video.byteCount)
      #expect((indexed.table != nil) == (video.file == "a.mp4"))
      let decoder = try VideoDecoder(path: video.path, indexed: indexed)
      #expect(decoder.usesTable == (video.file == "a.mp4"))
    }
    #expect(try corpus.indexed(videos.first { $0.file == "a.mp4" }!).table == VideoProbe.index(path: path).table)
    return videos
  }
}
