import Corpus
import Testing

/// Videos of an index that nobody has opened, of which some have a length.
@Suite struct UnknownLengthsTests {
  private let scratch: Collection
  private let corpus: Corpus

  init() throws {
    scratch = try Collection(manifest: [])
    let rows = (0..<60).map { number in
      "{\"file\": \"/v/\(number).mp4\", \"hashtags\": [\"surf\"]"
        + (number % 3 == 0 ? ", \"duration\": \(1 + number)" : "") + "}"
    }
    try scratch.write(rows.joined(separator: "\n"), to: "a.jsonl")
    let labels = LabelList([Label("surf")])
    let index = scratch.directory + "/index"
    _ = try MatchedIndex.write(
      to: index, MatchingPass(labels, paths: ["\(scratch.directory)/a.jsonl"]), labels: labels,
      rejects: "\(index)/rejects.txt")
    corpus = try Corpus(directory: index)
  }

  @Test func lengthsLeaveThemOut() throws {
    let videos = try corpus.videos(split: .train)
    let unknown = videos.count { $0.framesPerSecond == 0 }
    #expect(unknown > 20 && unknown < videos.count)
    for recipe in [
      SubsetRecipe(lengths: .init(0, 1e8)), SubsetRecipe(hours: 1, lengths: .init(0, 1e8)),
      SubsetRecipe(lengths: .init(0, 1e8), centerSeconds: 1),
    ] {
      let subset = try corpus.subset(recipe)
      #expect(subset.videos == videos.count - unknown && subset.unknownLengths == unknown)
      let path = scratch.directory + "/known.subset"
      try subset.write(to: path)
      let kept = try Corpus(directory: corpus.directory, subset: path).videos(split: .train)
      #expect(kept.count == subset.videos && kept.allSatisfy { $0.framesPerSecond > 0 })
    }
    #expect(try corpus.subset(SubsetRecipe(lengths: .init(0, 5))).videos <= 2)
    let error = corpusError { _ = try corpus.subset(SubsetRecipe(videos: 50, lengths: .init(0, 1e8))) }
    #expect(error?.message.contains("(\(unknown) more are of unknown length)") == true, "\(error as Any)")
  }

  @Test func hoursAndCentresOfThemAreRefused() {
    for recipe in [SubsetRecipe(hours: 0.0001), SubsetRecipe(videos: 5, centerSeconds: 1)] {
      let error = corpusError { _ = try corpus.subset(recipe) }
      #expect(error?.code == .subset && error?.message.contains("--seconds 0:") == true, "\(error as Any)")
    }
  }

  @Test func otherSubsetsSayHowManyTheyHave() throws {
    let all = try corpus.subset(SubsetRecipe())
    let videos = try corpus.videos(split: .train)
    #expect(all.videos == videos.count && all.unknownLengths == videos.count { $0.framesPerSecond == 0 })
    let hours = videos.reduce(0) { $0 + $1.seconds } / 3600
    #expect(abs(all.hours - hours) < 1e-6)
    #expect(
      try corpus.subset(SubsetRecipe(choice: .tailPreserving, videos: videos.count)).unknownLengths
        == all.unknownLengths)
  }
}
