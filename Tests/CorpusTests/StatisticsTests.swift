import Corpus
import Foundation
import GRDB
import Testing
import Video

@Suite struct StatisticsTests {
  private let collection: Collection
  private let corpus: Corpus

  init() throws {
    let tags = Array(repeating: "surf", count: 30) + Array(repeating: "fish", count: 8) + ["wave", "wave"]
    collection = try Collection(
      manifest: tags.enumerated().map { line("\($0).mp4", tags: [$1]) }, labels: "surf\nfish\nwave\nnever\n")
    _ = try collection.build()
    corpus = try Corpus(directory: collection.directory)
  }

  @Test func videosHoursAndTailAreCounted() throws {
    let statistics = try corpus.statistics()
    #expect(statistics.perLabel == ["surf": 30, "fish": 8, "wave": 2, "never": 0])
    let seconds = try corpus.videos(split: .train).reduce(into: [String: Double]()) {
      $0[corpus.labels[$1.label], default: 0] += $1.seconds
    }
    for (label, value) in seconds { #expect(abs(statistics.secondsPerLabel[label]! - value) < 1e-6) }
    #expect(statistics.secondsPerLabel["never"] == 0)
    #expect(abs(statistics.seconds - seconds.values.reduce(0, +)) < 1e-6)
    let tail = statistics.tail
    #expect(tail.empty == 1 && tail.belowFifty == 4 && tail.median == 2 && tail.halfOfVideos == 1)
    #expect(tail.largestTenthShare == 0.75)
  }

  @Test func aSubsetHasStatisticsOfItsOwn() throws {
    let path = collection.directory + "/tail.subset"
    let subset = try corpus.subset(SubsetRecipe(choice: .tailPreserving, videos: 15, centerSeconds: 2))
    try subset.write(to: path)
    let statistics = try Corpus(directory: collection.directory, subset: path).statistics()
    #expect(
      statistics.videos == 15 && statistics.perLabel == ["surf": 7, "fish": 6, "wave": 2, "never": 0]
        || statistics.perLabel == ["surf": 6, "fish": 7, "wave": 2, "never": 0])
    #expect(abs(statistics.seconds - 30) < 1e-6 && abs(statistics.seconds - subset.hours * 3600) < 1e-3)
  }

  @Test func overlapIsByHashtags() throws {
    let source = LabelList([
      Label("catching a fish"), Label("turn on", phrases: ["turn on", "switch on"]), Label("run"),
    ])
    let target = LabelList([Label("fish catching"), Label("switch-on"), Label("running"), Label("sleep")])
    let overlap = LabelOverlap(source: source, target: target)
    #expect(overlap.common == 3 && overlap.share == 0.75 && overlap.source == 3 && overlap.target == 4)
    #expect(overlap.pairs.map(\.source) == [["catching a fish"], ["turn on"], ["run"]])
    #expect(LabelOverlap(source: target, target: source).share == 1)
  }

  @Test func labelsOfAnIndexHaveThePhrasesOfItsFile() throws {
    // The label file is another one, and elsewhere.
    let elsewhere = try Collection(manifest: [], labels: "fish\nsurf\tsurf\twave riding\n")
    _ = try collection.build(labelsFile: elsewhere.directory + "/labels.txt")
    let list = try LabelList.named(collection.directory)
    #expect(list.names == ["fish", "surf"] && list.labels.map(\.phrases) == [["fish"], ["surf", "wave riding"]])
    #expect(LabelOverlap(source: list, target: LabelList([Label("wave riding")])).share == 1)
    let path = collection.directory + "/one.subset"
    try Corpus(directory: collection.directory).subset(SubsetRecipe(labels: ["surf"])).write(to: path)
    let narrowed = try Corpus(directory: collection.directory, subset: path)
    #expect(try narrowed.phrasedLabels().map(\.phrases) == [["surf", "wave riding"]])
    #expect(try LabelList.named(collection.directory + "/labels.txt").names.count == 4)
    let imported = try Collection(manifest: [], labels: "a\nb\n")
    #expect(try LabelList.named(imported.directory).names == ["a", "b"])
    let empty = try Collection(manifest: [])
    #expect(corpusError { _ = try LabelList.named(empty.directory) }?.code == .missing)
  }

  /// Indexes of earlier versions have the names alone.
  @Test func labelsOfAnEarlierIndexHaveThePhrasesOfTheDirectorysFile() throws {
    let earlier = try Collection(manifest: [line("a.mp4", tags: ["surf"])], labels: "surf\nfish\n")
    _ = try earlier.build()
    let queue = try DatabaseQueue(path: earlier.directory + "/corpus.sqlite")
    try queue.write { try $0.execute(sql: "DROP TABLE phrases") }
    try queue.close()
    try earlier.write("surf\twave riding\nfish\nother\n", to: "labels.txt")
    let list = try LabelList.named(earlier.directory)
    #expect(list.names == ["surf", "fish"] && list.labels[0].phrases == ["wave riding"])
  }

  /// A matched index has those of its label file, which lies elsewhere; so has one that is made of it.
  @Test func labelsOfAMatchedIndexHaveTheirPhrases() throws {
    let elsewhere = try Collection(manifest: [], labels: "surf\tsurf\twave riding\n")
    let labels = try LabelList.read(path: elsewhere.directory + "/labels.txt")
    let rows = (0..<30).map { "{\"file\": \"/v/\($0).mp4\", \"hashtags\": [\"waveriding\"]}" }
    try elsewhere.write(rows.joined(separator: "\n"), to: "a.jsonl")
    let (index, probed) = (elsewhere.directory + "/index", elsewhere.directory + "/probed")
    _ = try MatchedIndex.write(
      to: index, MatchingPass(labels, paths: ["\(elsewhere.directory)/a.jsonl"]), labels: labels,
      rejects: "\(index)/rejects.txt")
    _ = try CorpusBuilder.probe(Corpus(directory: index), to: probed, prober: fakeProbe)
    for directory in [index, probed] {
      #expect(try LabelList.named(directory).labels.map(\.phrases) == [["surf", "wave riding"]])
    }
  }

  @Test func whatMaySurpriseInALabelListIsSaid() {
    let long = "one two three four five six seven eight nine"
    let warnings = LabelList(["fishing", "fish", long].map { Label($0) }).warnings
    #expect(warnings.count == 2 && warnings[0].contains("1 hashtags belong to several labels, the first: #fish to"))
    #expect(warnings[1].contains("the first: \"\(long)\""))
    #expect(LabelList([Label("surf")]).warnings.isEmpty)
  }

  /// The steps of the drawn line, in the picture's points.
  @Test func theDistributionIsDrawn() throws {
    let figure = LabelDistribution([("one <&>", [0, 1, 10, 100]), ("two", [100, 100])]).figure
    let svg = figure.svg
    let lines = svg.split(separator: "\n").filter { $0.contains("stroke-width=\"2\"") }
    #expect(lines.count == 4 && svg.contains(">one &lt;&amp;&gt;</text>"))
    let steps = try #require(lines.first?.split(separator: "\"")[1].split(separator: " "))
    // A quarter of the labels at each of nothing, 1, 10 and 100 videos; 100 is the right edge.
    #expect(
      steps.map(String.init) == [
        "64,366", "64,366", "64,279.5", "64,279.5", "64,193", "342,193", "342,106.5", "620,106.5", "620,20", "620,20",
      ])
    let png = try figure.png()
    #expect(png.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    // IHDR: width and height in big-endian.
    #expect(Array(png[16..<24]) == [0, 0, 5, 0, 0, 0, 3, 0x48])
  }
}
