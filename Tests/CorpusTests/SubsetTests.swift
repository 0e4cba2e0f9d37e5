import Corpus
import Foundation
import Testing

/// A long-tailed corpus whose files say how many frames they have: label `i` has `counts[i]` videos.
func longTailed(_ counts: [Int], frames: (_ label: Int, _ video: Int) -> Int = { 50 + $0 + $1 % 40 }) throws
  -> (collection: Collection, corpus: Corpus)
{
  let rows = counts.enumerated().flatMap { label, count in
    (0..<count).map { line("v-\(label)-\($0)-\(frames(label, $0)).mp4", labels: ["label \(label)"]) }
  }
  let held = counts.indices.map { line("held-\($0)-50.mp4", labels: ["label \($0)"], split: "validation") }
  let collection = try Collection(manifest: rows + held)
  _ = try CorpusBuilder.build(
    directory: collection.directory, labelsFile: nil,
    prober: { path throws(ProbeFailure) in
      let frames = Int(path.dropLast(4).split(separator: "-").last ?? "") ?? 1
      return ProbedVideo(
        frameCount: frames, width: 340, height: 256, framesPerSecond: 10, codec: "h264", byteCount: 5000,
        modifiedSeconds: 1_700_000_000)
    })
  return (collection, try Corpus(directory: collection.directory))
}

private let counts = [400, 173, 90, 41, 40, 39, 17, 8, 5, 3, 2, 1, 1]

@Suite struct SubsetTests {
  /// The subset's videos as the pipeline sees them.
  func open(_ recipe: SubsetRecipe, _ made: (collection: Collection, corpus: Corpus)) throws -> Corpus {
    let path = "\(made.collection.directory)/\(UUID().uuidString).subset"
    try made.corpus.subset(recipe).write(to: path)
    return try Corpus(directory: made.collection.directory, subset: path)
  }

  func files(_ corpus: Corpus) throws -> Set<String> { Set(try corpus.videos(split: .train).map(\.file)) }

  @Test(arguments: [SubsetRecipe.Choice.random, .tailPreserving], [UInt64(0), 1, 77])
  func subsetsNestAndHaveTheirSizes(choice: SubsetRecipe.Choice, seed: UInt64) throws {
    let made = try longTailed(counts)
    let total = counts.reduce(0, +)
    var before: Set<String> = []
    for size in [1, 2, 13, 14, 50, 51, 52, 53, 54, 200, 201, 500, total - 1, total] {
      let recipe = SubsetRecipe(choice: choice, seed: seed, videos: size)
      let corpus = try open(recipe, made)
      let files = try files(corpus)
      #expect(files.count == size && corpus.counts(split: .train).reduce(0, +) == size)
      #expect(files.isSuperset(of: before))
      before = files
    }
    #expect(before == (try files(made.corpus)))
  }

  @Test func tailPreservingSubsetsKeepTheTailWhole() throws {
    let made = try longTailed(counts)
    for size in [20, 100, 300, 600] {
      let k = try open(SubsetRecipe(choice: .tailPreserving, videos: size), made).counts(split: .train)
      let n = made.corpus.counts(split: .train)
      let cap = zip(k, n).filter { $0 < $1 }.map(\.0).min() ?? 0
      #expect(zip(k, n).allSatisfy { $0 == $1 || $0 == cap || $0 == cap + 1 })
      #expect(zip(k, n).allSatisfy { $1 > cap || $0 == $1 })
    }
  }

  @Test func capsAreTheLargestThatFit() {
    let n = [10, 10, 3, 1, 0]
    func k(_ total: Int) -> [Int] { SubsetCounts.tailPreserving(n, total: total) { [3, 2, 1, 0, 4][$0] } }
    #expect(k(0) == [0, 0, 0, 0, 0] && k(1) == [0, 0, 0, 1, 0] && k(2) == [0, 0, 1, 1, 0])
    #expect(k(4) == [1, 1, 1, 1, 0] && k(8) == [2, 2, 3, 1, 0] && k(12) == [4, 4, 3, 1, 0])
    #expect(k(13) == [4, 5, 3, 1, 0] && k(24) == n)
  }

  @Test func randomSubsetsFollowTheFrequencies() throws {
    let made = try longTailed(counts)
    // Of 820 videos 400 have the first label; half of all have about half of them, whatever the seed.
    let drawn = try (UInt64(0)..<20).map { seed in
      try made.corpus.subset(SubsetRecipe(seed: seed, videos: 410)).counts["label 0"] ?? 0
    }
    #expect(drawn.allSatisfy { (160...240).contains($0) } && Set(drawn).count > 5)
    #expect((195...205).contains(drawn.reduce(0, +) / 20))
  }

  @Test func theSameSeedGivesTheSameSubsetOnAnyMachine() throws {
    let made = try longTailed(counts)
    let first = try open(SubsetRecipe(seed: 3, videos: 5), made)
    #expect(try files(first) == files(try open(SubsetRecipe(seed: 3, videos: 5), made)))
    #expect(try files(first) != files(try open(SubsetRecipe(seed: 4, videos: 5), made)))
    #expect(first.fingerprint == (try open(SubsetRecipe(seed: 3, videos: 5), made)).fingerprint)
    #expect(first.fingerprint != made.corpus.fingerprint)
    var left = 50
    let k = SubsetCounts.random(counts, order: 3) { _, _ in
      left -= 1
      return left >= 0
    }
    #expect(k == [21, 13, 6, 1, 3, 4, 1, 1, 0, 0, 0, 0, 0])
  }

  @Test func labelsNarrowAllSplits() throws {
    let made = try longTailed(counts)
    let corpus = try open(SubsetRecipe(videos: 60, labels: ["label 7", "label 1", "label 3"]), made)
    #expect(corpus.labels == ["label 1", "label 3", "label 7"])
    #expect(corpus.counts(split: .validation) == [1, 1, 1])
    let videos = try corpus.videos(split: .train)
    #expect(videos.count == 60 && videos.allSatisfy { [$0.label] == $0.labels && $0.label < 3 })
    #expect(videos.allSatisfy { $0.file.hasPrefix(["v-1-", "v-3-", "v-7-"][$0.label]) })
    #expect(try corpus.videos(split: .validation).map(\.file) == ["held-1-50.mp4", "held-3-50.mp4", "held-7-50.mp4"])
  }

  /// Short and long videos of equal histograms, F1 of equal number, F2 of equal length, and the centres of the long.
  @Test func lengthsHaveEqualHistogramsAndBudgets() throws {
    let made = try longTailed(counts) { label, video in
      video % 3 == 0 ? 10 + video % 41 : video % 3 == 1 ? 550 + video % 51 : 200
    }
    let (short, long) = (SubsetRecipe.Lengths(1, 5), SubsetRecipe.Lengths(55, 60))
    let shorts = SubsetRecipe(seed: 2, videos: 100, lengths: short, histogramOf: long)
    var longs = SubsetRecipe(seed: 2, videos: 100, lengths: long, histogramOf: short)
    let (shortCorpus, longCorpus) = (try open(shorts, made), try open(longs, made))
    #expect(shortCorpus.counts(split: .train) == longCorpus.counts(split: .train))
    func seconds(_ corpus: Corpus) throws -> [Double] {
      try corpus.videos(split: .train).map { Double($0.endFrame - $0.startFrame) / $0.framesPerSecond }
    }
    #expect(try seconds(shortCorpus).allSatisfy { 1...5 ~= $0 } && seconds(longCorpus).allSatisfy { 55...60 ~= $0 })
    #expect(try files(shortCorpus).count == 100 && files(longCorpus).count == 100)

    longs.centerSeconds = 4
    let centers = try open(longs, made)
    #expect(try files(centers) == files(longCorpus))
    #expect(try seconds(centers).allSatisfy { $0 == 4 })
    for (center, video) in zip(try centers.videos(split: .train), try longCorpus.videos(split: .train)) {
      #expect(abs((center.startFrame - video.startFrame) - (video.endFrame - center.endFrame)) <= 1)
    }

    let budget = try seconds(shortCorpus).reduce(0, +)
    (longs.videos, longs.hours, longs.centerSeconds) = (nil, budget / 3600, nil)
    let long2 = try open(longs, made)
    let used = try seconds(long2).reduce(0, +)
    #expect(used <= budget && used > budget - 60)
    #expect(try files(longCorpus).isSuperset(of: files(long2)))
  }

  /// Whatever else a recipe asks for, rows left out are in no subset, and subsets without them nest.
  @Test func rowsLeftOutAreInNoSubset() throws {
    let made = try longTailed(counts)
    let all = try made.corpus.videos(split: .train)
    let left = all.map(\.id).filter { $0 % 5 == 0 || 30..<60 ~= $0 }
    let kept = Set(all.filter { !left.contains($0.id) }.map(\.file))
    #expect(try files(open(SubsetRecipe(without: left), made)) == kept)
    var before: Set<String> = []
    for size in [1, 40, 200, kept.count] {
      let files = try files(open(SubsetRecipe(choice: .tailPreserving, seed: 4, videos: size, without: left), made))
      #expect(files.count == size && files.isSuperset(of: before) && files.isSubset(of: kept))
      before = files
    }
    let lengths = SubsetRecipe.Lengths(5.5, 7)
    let some = try open(SubsetRecipe(labels: ["label 1", "label 4"], without: left, lengths: lengths), made)
    let wanted = all.filter {
      kept.contains($0.file) && ["label 1", "label 4"].contains(made.corpus.labels[$0.label])
        && 5.5...7 ~= Double($0.endFrame - $0.startFrame) / $0.framesPerSecond
    }
    #expect(try files(some) == Set(wanted.map(\.file)) && wanted.count > 5)
    func message(_ rows: [Int]) -> String {
      corpusError { _ = try made.corpus.subset(SubsetRecipe(without: rows)) }?.message ?? ""
    }
    #expect(message([3, 3]).contains("must rise") && message([1 << 20]).contains("row 1048576"))
    let path = "\(made.collection.directory)/without.subset"
    try made.corpus.subset(SubsetRecipe(without: left)).write(to: path)
    #expect(try made.corpus.rowsWithout(subset: path) == left)
  }

  @Test func imagesAreSingleFrames() throws {
    let made = try longTailed(counts)
    let corpus = try open(SubsetRecipe(videos: 200, singleFrame: true), made)
    let videos = try corpus.videos(split: .train)
    #expect(videos.allSatisfy { $0.endFrame == $0.startFrame + 1 && $0.endFrame <= $0.frameCount })
    #expect(Set(videos.map(\.startFrame)).count > 30)
    #expect(videos.allSatisfy { $0.modifiedSeconds == 1_700_000_000 })
  }

  @Test func anEpochOfASubsetTakesEachOfItsVideosOnce() throws {
    let made = try longTailed(counts)
    let corpus = try open(SubsetRecipe(choice: .tailPreserving, seed: 9, videos: 150), made)
    let n = corpus.counts(split: .train)
    let draws = Draws(counts: n, quotas: Quotas.natural(n), seed: 1)
    let drawn = try (0..<draws.epochLength).map { index in
      let draw = draws.draw(index)
      return try corpus.video(split: .train, label: draw.label, rank: draw.rank).file
    }
    #expect(Set(drawn) == (try files(corpus)) && drawn.count == 150)
    #expect(corpusError { _ = try corpus.video(split: .train, label: 0, rank: n[0]) }?.code == .outOfRange)
  }

  @Test func whatCannotBeHadSaysSo() throws {
    let made = try longTailed([5, 5])
    let directory = made.collection.directory
    func message(_ recipe: SubsetRecipe) -> String { corpusError { _ = try made.corpus.subset(recipe) }?.message ?? "" }
    #expect(message(SubsetRecipe(videos: 11)).contains("has 10 such videos"))
    #expect(message(SubsetRecipe(videos: 1, labels: ["label 9"])).contains("no label \"label 9\""))
    #expect(message(SubsetRecipe(lengths: .init(900, 901))).contains("has 0 such videos"))
    #expect(message(SubsetRecipe(hours: 1e-9)).contains("not one video"))
    #expect(message(SubsetRecipe(choice: .tailPreserving)).contains("needs a number"))
    let other = try longTailed([4, 4])
    let path = "\(directory)/other.subset"
    try other.corpus.subset(SubsetRecipe(videos: 2)).write(to: path)
    func opened(_ path: String) -> String {
      corpusError { _ = try Corpus(directory: directory, subset: path) }?.message ?? ""
    }
    #expect(opened(path).hasPrefix("\(path): a subset of another index"))
    #expect(opened("\(directory)/none.subset").contains("cannot be read"))
    try made.collection.write("{}", to: "x.subset")
    #expect(opened("\(directory)/x.subset").contains("not a subset file"))
    try made.corpus.subset(SubsetRecipe(videos: 4)).write(to: path)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    try made.collection.write(text.replacingOccurrences(of: "\"videos\" : 4", with: "\"videos\" : 5"), to: "x.subset")
    #expect(opened("\(directory)/x.subset").contains("contradict"))
    // Counts whose sum no number holds.
    let counted = try #require(text.range(of: "\"counts\" : \\{[^}]*\\}", options: .regularExpression))
    let most = text.replacingCharacters(in: counted, with: "\"counts\" : {\"label 0\": \(Int.max), \"label 1\": 1}")
    let end = "  \"videos\" : 4\n}\n"
    #expect(most.hasSuffix(end))
    try made.collection.write(most.dropLast(end.count) + "  \"videos\" : \(Int.max)\n}\n", to: "x.subset")
    #expect(opened("\(directory)/x.subset").contains("contradict"))
    let none = text.replacingCharacters(in: counted, with: "\"counts\" : {}")
    try made.collection.write(none.dropLast(end.count) + "  \"videos\" : 0\n}\n", to: "x.subset")
    #expect(opened("\(directory)/x.subset").contains("has not one video"))
  }
}
