import Corpus
import Foundation
import Testing

private let labels = "catching a fish\nriding a horse\nunused label\n"

private func manifest(_ count: Int) -> [String] {
  (0..<count).map { line("videos/\($0).mp4", tags: [$0 % 3 == 0 ? "FishCatching" : "#ridingahorse", "love"]) }
}

@Suite struct CorpusTests {
  @Test func readsBackWhatWasBuilt() throws {
    let collection = try Collection(
      manifest: [
        line("a.mp4", tags: ["#CatchingAFish", "love"]),
        line("b.mp4", tags: ["horseriding"], split: "validation"),
        line("c.mp4", tags: ["catchingfish"], labels: ["riding a horse"], split: "validation"),
        line("/elsewhere/d.mp4", tags: ["catchingfish"], labels: ["riding a horse"]),
        line("e.mp4", tags: ["love"]),
        line("f.mp4", labels: ["riding a horse"], split: "test"),
      ], labels: labels)
    let report = try collection.build()
    #expect(report.rows == 6)
    #expect(report.videos == 5)
    #expect(report.unmatched == 1)
    #expect(report.splits == ["train": 2, "validation": 2, "test": 1])
    #expect(report.labelsWithoutVideos == 1)
    #expect(report.leftOut.isEmpty)
    #expect(report.warnings.contains { $0.hasPrefix("1 videos for evaluation have no clean labels") })

    let corpus = try Corpus(directory: collection.directory)
    #expect(corpus.labels == ["catching a fish", "riding a horse", "unused label"])
    #expect(corpus.fingerprint == report.fingerprint)
    #expect(corpus.fingerprint.count == 64)
    #expect(corpus.counts(split: .train) == [2, 0, 0])
    #expect(corpus.counts(split: .validation) == [0, 2, 0])
    #expect(corpus.counts(split: .test) == [0, 1, 0])
    let files = try Set((0..<2).map { try corpus.video(split: .train, label: 0, rank: $0).file })
    #expect(files == ["a.mp4", "/elsewhere/d.mp4"])
    let validation = try corpus.videos(split: .validation)
    #expect(Set(validation.map(\.file)) == ["b.mp4", "c.mp4"])
    let record = try #require(validation.first { $0.file == "b.mp4" })
    #expect(record.path == collection.directory + "/b.mp4")
    #expect(record.label == 1 && record.labels == [1])
    #expect(record.frameCount == 152 && record.startFrame == 0 && record.endFrame == 152)
    #expect(record.framesPerSecond == 25 && record.byteCount == 5000)
    let absolute = try corpus.videos(split: .train).map(\.path)
    #expect(absolute.contains("/elsewhere/d.mp4"))
    let leftovers = try FileManager.default.contentsOfDirectory(atPath: collection.directory)
    #expect(leftovers.sorted() == ["corpus.sqlite", "labels.txt", "manifest.jsonl"])
  }

  @Test func lookUpsByRankAreTheRowsInOrder() throws {
    let collection = try Collection(manifest: manifest(60), labels: labels)
    _ = try collection.build()
    let corpus = try Corpus(directory: collection.directory)
    var records: [VideoRecord] = []
    for (label, count) in corpus.counts(split: .train).enumerated() {
      for rank in 0..<count { records.append(try corpus.video(split: .train, label: label, rank: rank)) }
    }
    #expect(records == (try corpus.videos(split: .train)))
    #expect(records.count == 60)
    // Not the order of the manifest, nor that of the names.
    let files = records.filter { $0.label == 1 }.map(\.file)
    #expect(files != files.sorted())
    for (label, rank) in [(0, 20), (0, -1), (3, 0), (-1, 0), (2, 0)] {
      let error = corpusError { _ = try corpus.video(split: .train, label: label, rank: rank) }
      #expect(error?.code == .outOfRange)
    }
  }

  @Test func theFingerprintDependsOnTheContentOnly() throws {
    let first = try Collection(manifest: manifest(50), labels: labels)
    let fingerprint = try first.build(workers: 1).fingerprint
    #expect(try first.build(workers: 7).fingerprint == fingerprint)
    // Other places, and another order of the manifest's lines.
    let second = try Collection(manifest: manifest(50).reversed(), labels: labels)
    #expect(try second.build(workers: 3).fingerprint == fingerprint)
    #expect(try Corpus(directory: second.directory).fingerprint == fingerprint)

    #expect(try first.build(seed: 1).fingerprint != fingerprint)
    let shorter = try Collection(manifest: manifest(49), labels: labels)
    #expect(try shorter.build().fingerprint != fingerprint)
    let renamed = try Collection(manifest: manifest(50), labels: labels.replacing("unused", with: "other"))
    #expect(try renamed.build().fingerprint != fingerprint)
  }

  @Test func unusableVideosAreLeftOutWithReasons() throws {
    let collection = try Collection(
      manifest: [
        line("a.mp4", tags: ["catchfish", "catchingfish"]), line("damaged.mp4", tags: ["catchingfish"]),
        line("locked.mp4", tags: ["catchingfish"]), line("https://example.org/damaged.mp4", tags: ["catchingfish"]),
        line("s.tar#damaged.mp4", tags: ["catchingfish"]), line("a.mp4", tags: ["catchingfish"]),
        line("damaged-but-unmatched.mp4", tags: ["love"]),
      ], labels: labels)
    let report = try collection.build()
    #expect(report.videos == 1)
    #expect(report.unmatched == 1)
    #expect(report.leftOut.map(\.line) == [2, 3, 4, 5, 6])
    #expect(report.leftOut[0].reason == "no video stream")
    #expect(report.leftOut[4].reason == "the same file and segment as line 1")
    #expect(report.warnings.contains { $0.hasPrefix("1 videos were left out for reasons that may pass") })
    let corpus = try Corpus(directory: collection.directory)
    #expect(try corpus.leftOut() == report.leftOut)
    #expect(try corpus.statistics().leftOut == 5)
  }

  @Test func otherSpellingsOfAPathAreTheSameFile() throws {
    let collection = try Collection(manifest: ["x"])
    let name = try #require(collection.directory.split(separator: "/").last)
    let spellings = [
      "./a.mp4", "other/../a.mp4", ".//a.mp4", "../\(name)/a.mp4", "\(collection.directory)/a.mp4",
      "/..\(collection.directory)/a.mp4",
    ]
    let files = ["a.mp4"] + spellings + ["b/../../a.mp4", "a.mp4x/../b.mp4"]
    let lines = files.map { line($0, labels: ["x"]) }.joined(separator: "\n")
    try collection.write(lines, to: "manifest.jsonl")
    let report = try collection.build()
    #expect(report.leftOut.map(\.file) == spellings)
    #expect(report.leftOut.allSatisfy { $0.reason == "the same file and segment as line 1" })
    #expect(report.videos == 3)
  }

  @Test func aPassingFailureIsTriedAgain() throws {
    let collection = try Collection(manifest: [line("a.mp4", tags: ["catchingfish"])], labels: labels)
    let tries = Tries()
    let report = try CorpusBuilder.build(
      directory: collection.directory, labelsFile: nil, workers: 1,
      prober: { path throws(ProbeFailure) in
        if tries.next() < 3 { throw ProbeFailure(reason: "busy", isTransient: true) }
        return try fakeProbe(path)
      })
    #expect(report.videos == 1)
    #expect(report.leftOut.isEmpty)
  }

  @Test func segmentsOfOneFileAreVideosOfTheirOwn() throws {
    let collection = try Collection(
      manifest: [
        #"{"file": "long.mp4", "labels": ["x"], "split": "train", "start": 1, "end": 2}"#,
        #"{"file": "long.mp4", "labels": ["x"], "split": "train", "start": 2.02}"#,
        #"{"file": "long.mp4", "labels": ["x"], "split": "train", "start": 1000}"#,
      ])
    let report = try collection.build()
    #expect(report.videos == 2)
    #expect(report.leftOut.map(\.reason) == ["no frame lies in its segment"])
    let records = try Corpus(directory: collection.directory).videos(split: .train)
    // Frames at 25 a second: those of time 1 to 2, and from the first at or after 2.02.
    #expect(records.map(\.startFrame) == [25, 51])
    #expect(records.map(\.endFrame) == [50, 152])
  }

  @Test func withoutSplitATenthIsForValidationWhateverTheOrder() throws {
    let rows = (0..<2000).map { line("\($0).mp4", tags: ["catchingfish"], split: nil) }
    let collection = try Collection(manifest: rows, labels: labels)
    let report = try collection.build()
    let validation = report.splits["validation"] ?? 0
    #expect((150...250).contains(validation))
    let files = Set(try Corpus(directory: collection.directory).videos(split: .validation).map(\.file))
    _ = try collection.build(seed: 5)
    let others = Set(try Corpus(directory: collection.directory).videos(split: .validation).map(\.file))
    #expect(files != others)
  }

  @Test func oneOfSeveralLabelsIsChosenPerVideoByTheSeed() throws {
    let rows = (0..<400).map { line("\($0).mp4", tags: ["catchingfish", "ridinghorse"]) }
    let collection = try Collection(manifest: rows, labels: labels)
    _ = try collection.build()
    let corpus = try Corpus(directory: collection.directory)
    #expect((150...250).contains(corpus.counts(split: .train)[0]))
    #expect(try corpus.videos(split: .train).allSatisfy { $0.labels == [0, 1] })
  }

  @Test func statisticsCountWhatIsThere() throws {
    let collection = try Collection(manifest: manifest(9), labels: labels)
    _ = try collection.build()
    let corpus = try Corpus(directory: collection.directory)
    let statistics = try corpus.statistics()
    #expect(statistics.videos == 9)
    #expect(statistics.labels == 3)
    #expect(statistics.perLabel == ["catching a fish": 3, "riding a horse": 6, "unused label": 0])
    #expect(statistics.hashtags == 3)
    #expect(abs(statistics.seconds - 9 * 152 / 25) < 1e-9)
  }
}

private final class Tries: @unchecked Sendable {
  // Sendable: the build of the test that uses it has one probing thread.
  private var count = 0
  func next() -> Int {
    count += 1
    return count
  }
}
