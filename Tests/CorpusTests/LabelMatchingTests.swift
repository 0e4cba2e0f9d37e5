import Corpus
import Testing

@Suite struct LabelMatchingTests {
  /// The labels a video with one hashtag gets.
  private func matches(_ tag: String, labels: String) throws -> [Int] {
    let collection = try Collection(
      manifest: [line("a.mp4", tags: [tag]), line("b.mp4", labels: [String(labels.split(separator: "\n")[0])])],
      labels: labels)
    _ = try collection.build()
    return try Corpus(directory: collection.directory).videos(split: .train).first { $0.file == "a.mp4" }?.labels ?? []
  }

  @Test(arguments: [
    "catchingafish", "catchingfish", "fishcatching", "afishcatching", "#Catching_A-Fish", "FISHCATCHING", "catchfish",
    "#FishCatch",
  ])
  func everyOrderWithAndWithoutStopWordsMatches(tag: String) throws {
    #expect(try matches(tag, labels: "catching a fish\nfish") == [0])
  }

  @Test(arguments: ["catching", "fishing", "catchingfishes", "", "#", "a"])
  func otherTagsDoNot(tag: String) throws {
    #expect(try matches(tag, labels: "catching a fish\n") == [])
  }

  @Test func oneTagMayCarrySeveralLabels() throws {
    #expect(try matches("openbook", labels: "open book\nbook open\nshut book\n") == [0, 1])
  }

  @Test func phrasesWithManyWordsMatchInTheOrderAsWritten() throws {
    let phrase = "one two three four five six seven eight nine ten"
    #expect(try matches("onetwothreefourfivesixseveneightnineten", labels: phrase) == [0])
    #expect(try matches("twoonethreefourfivesixseveneightnineten", labels: phrase) == [])
  }

  @Test func cleanLabelsAreUsedAsTheyAre() throws {
    let collection = try Collection(
      manifest: [
        line("a.mp4", labels: ["zebra", "antelope"]), line("b.mp4", tags: ["zebra"], labels: ["antelope"]),
        line("c.mp4", labels: ["Zebra"], split: "test"),
      ])
    let report = try collection.build()
    let corpus = try Corpus(directory: collection.directory)
    // Without a list it is every clean label, by its bytes.
    #expect(corpus.labels == ["Zebra", "antelope", "zebra"])
    let train = try corpus.videos(split: .train)
    #expect(train.first { $0.file == "a.mp4" }?.labels == [1, 2])
    // Tags have no case, so one may carry labels that differ in it.
    #expect(train.first { $0.file == "b.mp4" }?.labels == [0, 2])
    #expect(report.unmatched == 0)
  }

  @Test func cleanLabelsOutsideTheListAreCounted() throws {
    let collection = try Collection(
      manifest: [line("a.mp4", labels: ["x", "y"]), line("b.mp4", labels: ["y"])], labels: "x\n")
    let report = try collection.build()
    #expect(report.videos == 1 && report.unmatched == 1)
    #expect(report.warnings.contains { $0.hasPrefix("2 clean labels are not in the label list") })
  }
}
