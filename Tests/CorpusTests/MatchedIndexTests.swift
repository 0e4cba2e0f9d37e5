import Corpus
import Foundation
import Testing

@Suite struct MatchedIndexTests {
  private let scratch: Collection
  private let labels = LabelList([Label("catching a fish"), Label("surfing"), Label("fish"), Label("rare thing")])

  init() throws { scratch = try Collection(manifest: []) }

  private var index: String { scratch.directory + "/index" }

  private func write(
    _ text: String, to name: String = "a.jsonl", minimum: Int = 0, workers: Int = 2,
    rejected: (String) -> Void = { _ in }
  ) throws -> MatchedIndex.Report {
    try scratch.write(text, to: name)
    return try withoutActuallyEscaping(rejected) { rejected in
      try MatchedIndex.write(
        to: index, MatchingPass(labels, paths: ["\(scratch.directory)/\(name)"]), labels: labels, seed: 3,
        minimumVideos: minimum, workers: workers, rejects: "\(index)/rejects.txt",
        rejected: { place, reason in rejected("\(place.split(separator: "/").last!): \(reason)") })
    }
  }

  private func row(_ file: String, _ tags: [String], _ rest: String = "") -> String {
    "{\"file\": \"\(file)\", \"hashtags\": [\(tags.map { "\"\($0)\"" }.joined(separator: ", "))]\(rest)}"
  }

  /// Rows in the same places with the same splits and labels as an index that is built of the same manifest.
  @Test func itIsTheIndexThatBuildMakes() throws {
    let tags = [["surf"], ["fish"], ["catchfish", "fish"], ["love"], ["surfing", "fish"]]
    let rows = (0..<500).map {
      row(
        "v/\($0).mp4", tags[$0 % tags.count],
        ($0 % 7 == 0 ? ", \"start\": 1, \"end\": 2.5" : "")
          + ($0 % 11 == 0 ? ", \"split\": \"\(Split.allCases[$0 % 3])\"" : ""))
    }
    let report = try write(rows.joined(separator: "\n"))
    try scratch.write(rows.joined(separator: "\n"), to: "manifest.jsonl")
    try scratch.write(labels.names.joined(separator: "\n"), to: "labels.txt")
    let built = try scratch.build(seed: 3)
    #expect(report.rows == 500 && report.matched == 400 && report.videos == built.videos)
    #expect(report.splits == built.splits && report.splits["test"] == 12)
    let (one, other) = (try Corpus(directory: index), try Corpus(directory: scratch.directory))
    #expect(one.labels == other.labels && !one.isProbed && other.isProbed)
    for split in Split.allCases {
      let (left, right) = (try one.videos(split: split), try other.videos(split: split))
      #expect(one.counts(split: split) == other.counts(split: split))
      #expect(left.map(\.file) == right.map(\.file) && left.map(\.label) == right.map(\.label))
      #expect(left.map(\.labels) == right.map(\.labels) && left.map(\.id) == right.map(\.id))
    }
    #expect(try one.statistics().hashtags == other.statistics().hashtags)
  }

  @Test func timesAreThoseOfTheMetadata() throws {
    _ = try write(
      [
        row("a.mp4", ["surf"], ", \"duration\": 12.5, \"bytes\": 99"),
        row("b.mp4", ["surf"], ", \"start\": 2, \"end\": 4.25"), row("c.mp4", ["surf"]),
      ].joined(separator: "\n"))
    let corpus = try Corpus(directory: index)
    let all = try Split.allCases.flatMap { try corpus.videos(split: $0) }
    let seconds = Dictionary(uniqueKeysWithValues: all.map { ($0.file, $0.seconds) })
    #expect(seconds == ["a.mp4": 12.5, "b.mp4": 2.25, "c.mp4": 0])
    #expect(all.first { $0.file == "a.mp4" }?.byteCount == 99)
    #expect(try abs(corpus.statistics().seconds - 14.75) < 1e-9)
    let error = corpusError { try corpus.requireProbed() }
    #expect(error?.message.contains("sluice corpus probe") == true)
  }

  @Test func duplicatesAndBadRowsAreToldAndKept() throws {
    var told: [String] = []
    let report = try write(
      [
        row("/v/a.mp4", ["surf"]), row("/v/x/../a.mp4", ["fish"]), "broken",
        row("/v/a.mp4", ["surf"], ", \"start\": 1"),
        row("/v//a.mp4", ["surf", "fish"]), row("/v/b.mp4", ["surf"]),
      ].joined(separator: "\n")
    ) { told.append($0) }
    #expect(report.rows == 6 && report.matched == 5 && report.rejected == 1 && report.duplicates == 2)
    #expect(report.videos == 3)
    #expect(told.contains { $0.hasPrefix("a.jsonl:3: not a JSON object") })
    for line in [2, 5] { #expect(told.contains { $0.hasPrefix("a.jsonl:\(line): the same file and segment as") }) }
    let rejects = try String(contentsOfFile: "\(index)/rejects.txt", encoding: .utf8)
    #expect(rejects.split(separator: "\n").count == 3 && rejects.contains("\tbroken\n"))
    #expect(!FileManager.default.fileExists(atPath: "\(index)/corpus.sqlite.matching"))
  }

  /// A file under one name is one video, whatever is said of its length.
  @Test func lengthsMakeNoOtherSegment() throws {
    let rows = [
      row("v/1.mp4", ["surf"], ", \"duration\": 2.0"), row("v/1.mp4", ["surf"], ", \"duration\": 2.02"),
      row("v/1.mp4", ["surf"]), row("v/1.mp4", ["surf"], ", \"start\": 0.5, \"duration\": 2"),
      row("v/2.mp4", ["surf"], ", \"end\": 2"), row("v/3.mp4", ["surf"], ", \"end\": 2, \"duration\": 9"),
      row("v/4.mp4", ["surf"], ", \"end\": 9, \"duration\": 2"),
    ]
    let report = try write(rows.joined(separator: "\n"))
    try scratch.write(rows.joined(separator: "\n"), to: "manifest.jsonl")
    try scratch.write(labels.names.joined(separator: "\n"), to: "labels.txt")
    let built = try scratch.build(seed: 3)
    #expect(report.duplicates == 2 && report.videos == 5 && built.videos == 5 && built.leftOut.count == 2)
    // What ends before its file stays a part of it when it is opened; the fake videos are longer than four seconds.
    let probed = scratch.directory + "/probed"
    _ = try CorpusBuilder.probe(Corpus(directory: index), to: probed, workers: 1, prober: fakeProbe)
    let corpus = try Corpus(directory: probed)
    let ends = Dictionary(
      uniqueKeysWithValues: try Split.allCases.flatMap { try corpus.videos(split: $0) }.map {
        ("\($0.file.split(separator: "/").last!) \($0.startFrame)", $0.endFrame == $0.frameCount ? -1 : $0.endFrame)
      })
    #expect(ends["1.mp4 0"] == -1 && ends["2.mp4 0"] == 50 && ends["3.mp4 0"] == 50 && ends["4.mp4 0"] == -1)
  }

  /// As `build` drops them: counted before one of several labels is drawn, which is drawn anew.
  @Test func rareLabelsAreDropped() throws {
    var rows = (0..<100).map { row("\($0).mp4", $0 < 8 ? ["surf", "rarething"] : ["surf"]) }
    rows += (100..<103).map { row("\($0).mp4", ["rarething"]) }
    rows += (0..<5).map { row("./\($0).mp4", ["rarething", "surf"]) }
    let report = try write(rows.joined(separator: "\n"), minimum: 15)
    try scratch.write(rows.joined(separator: "\n"), to: "manifest.jsonl")
    try scratch.write(labels.names.joined(separator: "\n"), to: "labels.txt")
    let built = try scratch.build(seed: 3, minimumVideos: 15)
    #expect(report.labels == 1 && report.labelsDropped == 3 && report.duplicates == 5 && report.dropped == 3)
    #expect(report.videos == built.videos && report.splits == built.splits)
    let corpus = try Corpus(directory: index)
    #expect(corpus.labels == ["surfing"] && corpus.counts(split: .train)[0] == built.splits["train"])
    let error = corpusError { _ = try write(row("a.mp4", ["surf"]), minimum: 2) }
    #expect(error?.code == .empty && error?.message.contains("none of the labels has 2 videos") == true)
  }

  private func rowsInState() throws -> Int {
    let state = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: "\(index)/corpus.sqlite.matching/state.json")))
    let report = try #require((state as? [String: Any])?["report"] as? [String: Any])
    return try #require(report["rows"] as? Int)
  }

  /// The same index, whatever the number of threads and wherever it was interrupted.
  @Test func aPassGoesOnWhereItWasInterrupted() throws {
    // Enough for several runs and blocks: long names.
    let name = String(repeating: "n", count: 600)
    let rows = (0..<100_000).map { number in
      number % 10_000 == 77 ? "broken \(number)" : row("/\(name)/\(number).mp4", [number % 3 == 0 ? "fish" : "surf"])
    }
    let whole = try write(rows.joined(separator: "\n"), workers: 1)
    #expect(whole.rows == 100_000 && whole.rejected == 10)
    try FileManager.default.removeItem(atPath: index)
    let pass = try MatchingPass(labels, paths: ["\(scratch.directory)/a.jsonl"])
    var interruptions = 0
    var result: MatchedIndex.Report?
    var told = 0
    var rowsSaved = 0
    while result == nil {
      var (parts, rowsFirst) = (0, 0)
      do {
        result = try MatchedIndex.write(
          to: index, pass, labels: labels, seed: 3, workers: 2, rejects: "\(index)/rejects.txt",
          rejected: { _, _ in told += 1 },
          progress: { _, _, rows in
            parts += 1
            if parts == 1 { rowsFirst = rows }
            if parts > [20, 8][min(interruptions, 1)], interruptions < 2 { throw Interruption() }
          })
      } catch {
        interruptions += 1
      }
      // What was read up to the last run is not read again, and hardly more is at a time than a block.
      #expect(rowsFirst > rowsSaved && rowsFirst < rowsSaved + 20_000)
      if result == nil {
        let saved = try rowsInState()
        #expect(saved >= max(rowsSaved, 30_000))
        rowsSaved = saved
      }
    }
    #expect(interruptions == 2 && result == whole)
    let rejects = try String(contentsOfFile: "\(index)/rejects.txt", encoding: .utf8)
    #expect(rejects.split(separator: "\n").count == 10 && told >= 10)
  }

  @Test func anUnfinishedPassOverOtherFilesIsNamed() throws {
    _ = try write(row("a.mp4", ["surf"]))
    try FileManager.default.createDirectory(
      atPath: "\(index)/corpus.sqlite.matching", withIntermediateDirectories: true)
    try "{}".write(toFile: "\(index)/corpus.sqlite.matching/state.json", atomically: true, encoding: .utf8)
    let error = corpusError { _ = try write(row("a.mp4", ["surf"])) }
    #expect(error?.message.contains("corpus.sqlite.matching/state.json: an unfinished pass over other files") == true)
  }

  @Test func matchedVideosAreProbedIntoAnIndexToTrainOn() throws {
    let rows = (0..<60).map { number in
      row(
        number == 5 ? "/v/damaged.mp4" : "/v/\(number).mp4", [["surf"], ["fish", "surf"]][number % 2],
        ", \"start\": 1, \"end\": 3")
    }
    _ = try write(rows.joined(separator: "\n"))
    let matched = try Corpus(directory: index)
    let probed = scratch.directory + "/probed"
    let itself = corpusError {
      _ = try CorpusBuilder.probe(
        matched, to: "\(index)/../\((index as NSString).lastPathComponent)/", prober: fakeProbe)
    }
    #expect(itself?.message.contains("has the index to be probed") == true, "\(String(describing: itself))")
    let report = try CorpusBuilder.probe(matched, to: probed, workers: 2, prober: fakeProbe)
    #expect(report.rows == 60 && report.videos == 59 && report.leftOut.map(\.file) == ["/v/damaged.mp4"])
    let corpus = try Corpus(directory: probed)
    #expect(corpus.isProbed && corpus.labels == matched.labels)
    #expect(try matched.statistics().hashtags == 2 && corpus.statistics().hashtags == nil)
    let before = Dictionary(uniqueKeysWithValues: try matched.videos(split: .train).map { ($0.file, $0) })
    for video in try corpus.videos(split: .train) {
      #expect(video.label == before[video.file]?.label && video.labels == before[video.file]?.labels)
      #expect(video.startFrame == 25 && video.endFrame == 75)
    }
    let error = corpusError { _ = try CorpusBuilder.probe(corpus, to: probed, prober: fakeProbe) }
    #expect(error?.message.contains("probed already") == true)
  }

  /// Subsets are chosen before anything is opened.
  @Test func subsetsOfAMatchedIndexAreProbed() throws {
    let rows = (0..<200).map { row("/v/\($0).mp4", ["surf"], ", \"duration\": \($0 % 20 + 1)") }
    _ = try write(rows.joined(separator: "\n"))
    let matched = try Corpus(directory: index)
    let path = scratch.directory + "/short.subset"
    let recipe = SubsetRecipe(videos: 20, lengths: .init(2, 5), centerSeconds: 1)
    try matched.subset(recipe).write(to: path)
    let probed = scratch.directory + "/short"
    let report = try CorpusBuilder.probe(
      Corpus(directory: index, subset: path), to: probed, workers: 2, prober: fakeProbe)
    #expect(report.splits["train"] == 20 && report.splits["validation"] == matched.counts(split: .validation)[1])
    for video in try Corpus(directory: probed).videos(split: .train) {
      #expect(video.endFrame - video.startFrame == 25)
    }
    let error = corpusError { _ = try matched.subset(SubsetRecipe(videos: 2, singleFrame: true)) }
    #expect(error?.code == .subset && error?.message.contains("corpus probe") == true)
  }
}
