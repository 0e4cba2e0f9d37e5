import Corpus
import Foundation
import GRDB
import Testing

@Suite struct CorpusErrorTests {
  @Test func aMissingIndexSaysWhatToRun() {
    let error = corpusError { _ = try Corpus(directory: "/nonexistent/videos") }
    #expect(error?.code == .missing)
    #expect(error?.message.contains("sluice corpus build /nonexistent/videos") == true)
  }

  @Test func aMissingManifestIsAnError() {
    let error = corpusError {
      _ = try CorpusBuilder.build(directory: "/nonexistent", labelsFile: nil, prober: fakeProbe)
    }
    #expect(error?.code == .manifest)
    #expect(error?.message.contains("/nonexistent/manifest.jsonl") == true)
  }

  @Test func everyBadLineIsNamed() throws {
    let collection = try Collection(
      manifest: [
        line("a.mp4", labels: ["x"]), "", "not json", #"{"hashtags": ["x"]}"#, #"{"file": 3}"#, "[1]",
        #"{"file": "a", "split": "dev"}"#, #"{"file": "a", "start": 3, "end": 2}"#, #"{"file": "a", "start": 1e300}"#,
        #"{"file": "a", "hashtags": "x"}"#, #"{"file": ""}"#, #"{"file": "a", "end": 1e300}"#,
      ])
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.code == .manifest)
    let lines = error.message.split(separator: "\n")
    #expect(lines.count == 10)
    #expect(lines.last?.contains("`end` at most 100000000 (seconds)") == true)
    for (text, number) in zip(lines, 3...) { #expect(text.contains("manifest.jsonl:\(number): ")) }
    #expect(!FileManager.default.fileExists(atPath: collection.directory + "/corpus.sqlite"))
  }

  @Test func manyBadLinesAreCounted() throws {
    let collection = try Collection(manifest: Array(repeating: "{", count: 500))
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.message.split(separator: "\n").count == 21)
    #expect(error.message.hasSuffix("and 480 more"))
  }

  @Test func aLabelListThatMatchesNothingIsAnError() throws {
    let collection = try Collection(manifest: [line("a.mp4", tags: ["love"])], labels: "riding a horse\n")
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.code == .empty)
    #expect(error.message.contains("labels.txt: no row of"))
  }

  @Test(arguments: [
    ("x\ny\nx\n", "labels.txt:3"), ("x\n???\n", "labels.txt:2"), ("\n# only a comment\n", "labels.txt"),
  ])
  func badLabelListsAreErrors(text: String, place: String) throws {
    let collection = try Collection(manifest: [line("a.mp4", tags: ["x"])], labels: text)
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.code == .manifest)
    #expect(error.message.contains(place))
  }

  @Test func noLabelsAtAllIsAnError() throws {
    let collection = try Collection(manifest: [line("a.mp4", tags: ["x"])])
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.message.contains("--labels FILE"))
    let missing = corpusError { _ = try collection.build(labelsFile: "/nonexistent/labels") }
    #expect(missing?.message.hasPrefix("/nonexistent/labels") == true)
  }

  @Test func noUsableVideoIsAnErrorThatKeepsTheOldIndex() throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"])])
    let fingerprint = try collection.build().fingerprint
    try collection.write(line("damaged.mp4", labels: ["x"]), to: "manifest.jsonl")
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(error.code == .empty)
    #expect(error.message.contains("damaged.mp4: no video stream"))
    #expect(try Corpus(directory: collection.directory).fingerprint == fingerprint)
  }

  @Test(arguments: ["", "CREATE TABLE others (id)"]) func anotherDatabaseIsNoCorpus(sql: String) throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"])])
    try collection.write("", to: "corpus.sqlite")
    if !sql.isEmpty { try change(collection, sql) }
    let error = try #require(corpusError { _ = try Corpus(directory: collection.directory) })
    #expect(error.description.contains("it is not a Sluice corpus"), "\(error)")
    _ = try collection.build()
    try change(collection, "PRAGMA user_version = 99")
    let other = try #require(corpusError { _ = try Corpus(directory: collection.directory) })
    #expect(other.description.contains("another version of Sluice"), "\(other)")
  }

  /// Version 2 knew no times.
  @Test func theVersionBeforeIsRead() throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"])])
    _ = try collection.build()
    let now = try Corpus(directory: collection.directory).videos(split: .train)
    #expect(now.map(\.modifiedSeconds) == [1_700_000_000])
    try change(
      collection,
      """
      CREATE TABLE files AS SELECT id, file, access, packets FROM videos WHERE access IS NOT NULL;
      ALTER TABLE videos DROP COLUMN access; ALTER TABLE videos DROP COLUMN packets;
      ALTER TABLE videos DROP COLUMN modified_seconds; ALTER TABLE videos DROP COLUMN file_id; PRAGMA user_version = 2
      """
    )
    let before = try Corpus(directory: collection.directory).videos(split: .train)
    #expect(before.map(\.file) == now.map(\.file) && before.map(\.modifiedSeconds) == [nil])
  }

  @Test func anIndexThatCannotBeWrittenSaysWhy() throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"])])
    let path = collection.directory + "/corpus.sqlite"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    let error = try #require(corpusError { _ = try collection.build() })
    #expect(
      error.description
        == "\(path): cannot replace: Is a directory; a directory of this name is there: choose another path or remove it"
    )
    #expect(try FileManager.default.contentsOfDirectory(atPath: collection.directory).count == 2, "nothing is left")
    let opened = try #require(corpusError { _ = try Corpus(directory: collection.directory) })
    #expect(opened.description.contains("a directory, not an index"), "\(opened)")
  }

  @Test(arguments: ["", "text that is not a database", "SQLite format 3\u{0}"])
  func aDamagedIndexIsAnError(text: String) throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"])])
    try collection.write(text, to: "corpus.sqlite")
    let error = try #require(corpusError { _ = try Corpus(directory: collection.directory) })
    #expect(error.code == .index)
    #expect(error.message.contains("sluice corpus build"))
  }

  @Test(arguments: [
    "PRAGMA user_version = 99", "DELETE FROM settings", "DELETE FROM labels WHERE id = 0",
    "UPDATE ranks SET label = 7 WHERE label = 1", "UPDATE ranks SET first_id = 9223372036854775807",
    "UPDATE ranks SET split = 'x'",
    "UPDATE ranks SET count = 'many'", "DROP TABLE ranks",
  ])
  func aChangedIndexIsAnErrorWhenOpened(sql: String) throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"]), line("b.mp4", labels: ["y"])])
    _ = try collection.build()
    try change(collection, sql)
    let error = corpusError { _ = try Corpus(directory: collection.directory) }
    #expect(error?.code == .index)
  }

  @Test(arguments: [
    "DELETE FROM videos", "UPDATE videos SET label = 99", "UPDATE videos SET labels = '99'",
    "UPDATE videos SET start_frame = -1", "UPDATE videos SET end_frame = 100000",
    "UPDATE videos SET frame_count = 'many'", "DROP TABLE videos",
  ])
  func aChangedRowIsAnErrorWhenRead(sql: String) throws {
    let collection = try Collection(manifest: [line("a.mp4", labels: ["x"]), line("b.mp4", labels: ["y"])])
    _ = try collection.build()
    try change(collection, sql)
    let corpus = try Corpus(directory: collection.directory)
    let error = corpusError { _ = try corpus.video(split: .train, label: 0, rank: 0) }
    #expect(error?.code == .index)
  }

  private func change(_ collection: Collection, _ sql: String) throws {
    let queue = try DatabaseQueue(path: collection.directory + "/corpus.sqlite")
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }
}
