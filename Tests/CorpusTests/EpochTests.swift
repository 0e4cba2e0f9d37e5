import Corpus
import Testing

/// What must hold of the epochs of any corpus.
@Suite struct EpochTests {
  private let rules: [(name: String, quotas: @Sendable ([Int]) -> [Int])] = [
    ("natural", { Quotas.natural($0) }), ("square-root", { Quotas.squareRoot($0) }),
    ("repeat-factor", { Quotas.repeatFactor($0, threshold: 0.05) }),
    ("repeat-factor", { Quotas.repeatFactor($0, threshold: 1) }),
  ]

  /// Label frequencies are the quotas, and no video of a label is used twice more than another.
  @Test func everyEpochHasTheQuotasExactly() {
    var random = CounterRandom(seed: 4)
    for round: UInt64 in 0..<60 {
      let n = randomCounts(&random, labels: 30, first: 60)
      for (name, rule) in rules {
        let quotas = rule(n)
        let draws = Draws(counts: n, quotas: quotas, seed: round)
        #expect(draws.epochLength == quotas.reduce(0, +))
        var uses = n.map { Array(repeating: 0, count: $0) }
        for epoch in 0..<3 {
          var drawn = n.map { _ in 0 }
          for number in 0..<draws.epochLength {
            let draw = draws.draw(epoch * draws.epochLength + number)
            drawn[draw.label] += 1
            uses[draw.label][draw.rank] += 1
          }
          #expect(drawn == quotas, "\(name) of \(n)")
        }
        #expect(uses.allSatisfy { ($0.max() ?? 0) - ($0.min() ?? 0) <= 1 }, "\(name) of \(n)")
        if name == "natural" { #expect(uses.allSatisfy { $0.allSatisfy { $0 == 3 } }, "a permutation of \(n)") }
      }
    }
  }

  /// r = max(1, √(t / f)): at least every video once, and rare labels as often as the formula says.
  @Test func repeatFactorsAreThoseOfTheFormula() {
    var random = CounterRandom(seed: 5)
    for _ in 0..<100 {
      let n = randomCounts(&random, labels: 30, first: 500)
      let threshold = random.uniform()
      let total = Double(n.reduce(0, +))
      for (count, quota) in zip(n, Quotas.repeatFactor(n, threshold: threshold)) {
        let factor = count == 0 ? 0 : max(1, (threshold / (Double(count) / total)).squareRoot())
        #expect(quota >= count && abs(Double(quota) - factor * Double(count)) <= 0.5)
      }
    }
  }

  private func severalLabels(_ seed: UInt64) throws -> Collection {
    var random = CounterRandom(seed: 6, seed)
    let names = (0..<(2 + random.integer(below: 6))).map { "label \($0)" }
    let collection = try Collection(
      manifest: (0..<80).map { number in
        let labels = names.filter { _ in random.integer(below: names.count) == 0 }
        return line("\(number).mp4", labels: labels.isEmpty ? [names[0]] : labels)
      } + [line("held.mp4", labels: names, split: "validation")], labels: names.joined(separator: "\n"))
    _ = try collection.build()
    return collection
  }

  /// Drawn for each of its labels, a video is there once with each in a natural epoch, whatever the subset.
  @Test(arguments: UInt64(0)..<6) func videosAreDrawnForEachOfTheirLabels(seed: UInt64) throws {
    let collection = try severalLabels(seed)
    let path = collection.directory + "/some.subset"
    try Corpus(directory: collection.directory).subset(
      SubsetRecipe(choice: .tailPreserving, seed: seed, videos: 50, centerSeconds: 1)
    ).write(to: path)
    for subset in [nil, path] {
      let corpus = try Corpus(directory: collection.directory, subset: subset)
      let every = try corpus.underEveryLabel()
      let videos = try corpus.videos(split: .train)
      let pairs = Set(videos.flatMap { video in video.labels.map { "\(video.file) \($0)" } })
      let n = every.counts(split: .train)
      #expect(n == corpus.labels.indices.map { label in videos.count { $0.labels.contains(label) } })
      #expect(n.reduce(0, +) == pairs.count && pairs.count > videos.count)
      for quotas in [Quotas.natural(n), Quotas.squareRoot(n)] {
        let draws = Draws(counts: n, quotas: quotas, seed: seed)
        var drawn = n.map { _ in 0 }
        var found: Set<String> = []
        for number in 0..<draws.epochLength {
          let draw = draws.draw(number)
          let video = try every.video(split: .train, label: draw.label, rank: draw.rank)
          #expect(video.label == draw.label && video.labels.contains(draw.label))
          #expect(subset == nil || video.endFrame - video.startFrame == 25)
          drawn[video.label] += 1
          found.insert("\(video.file) \(video.label)")
        }
        #expect(drawn == quotas)
        if quotas == n { #expect(found == pairs) }
      }
      #expect(try every.videos(split: .train) == videos && every.fingerprint == corpus.fingerprint)
      #expect(every.counts(split: .validation) == corpus.counts(split: .validation))
      #expect(corpusError { _ = try every.video(split: .train, label: 0, rank: n[0]) }?.code == .outOfRange)
    }
  }
}
