import Corpus
import Testing

/// Videos of up to `most` labels, long-tailed: from none to `first` of each.
func randomCounts(_ random: inout CounterRandom, labels most: Int, first: Int) -> [Int] {
  var counts = (0..<(1 + random.integer(below: most))).map { rank in
    random.integer(below: 1 + first / (1 + random.integer(below: rank + 1)))
  }
  counts[0] += 2
  return counts
}

/// What must hold of subsets of any corpus.
extension SubsetTests {
  /// Exact sizes, smaller within larger, labels at or below the cap whole.
  @Test func countsOfAnyCorpusNestAndKeepTheTail() {
    var random = CounterRandom(seed: 1)
    for round: UInt64 in 0..<60 {
      let n = randomCounts(&random, labels: 40, first: 200)
      let total = n.reduce(0, +)
      let sizes = ((0..<12).map { _ in random.integer(below: total + 1) } + [0, total]).sorted()
      var before = (random: n.map { _ in 0 }, tail: n.map { _ in 0 })
      for size in sizes {
        var left = size
        let drawn = SubsetCounts.random(n, order: round) { _, _ in
          left -= 1
          return left >= 0
        }
        let tail = SubsetCounts.tailPreserving(n, total: size) { CounterRandom.hash("\($0)", seed: round) }
        for (k, last) in [(drawn, before.random), (tail, before.tail)] {
          #expect(k.reduce(0, +) == size)
          #expect(zip(k, n).allSatisfy { $0 <= $1 } && zip(k, last).allSatisfy { $0 >= $1 }, "\(n) \(size)")
        }
        let cap = zip(tail, n).filter { $0 < $1 }.map(\.0).min() ?? total
        #expect(zip(tail, n).allSatisfy { $1 <= cap ? $0 == $1 : $0 == cap || $0 == cap + 1 }, "\(n) \(size)")
        before = (drawn, tail)
      }
    }
  }

  /// The same of the videos themselves, and the same ones of an index that is made again.
  @Test(arguments: UInt64(0)..<6) func subsetsOfAnyCorpusNest(seed: UInt64) throws {
    var random = CounterRandom(seed: 2, seed)
    let counts = randomCounts(&random, labels: 12, first: 40)
    let (made, again) = (try longTailed(counts), try longTailed(counts))
    let total = counts.reduce(0, +)
    let sizes = ((0..<5).map { _ in 1 + random.integer(below: total) } + [total]).sorted()
    for choice in SubsetRecipe.Choice.allCases {
      var before: Set<String> = []
      for size in sizes {
        let recipe = SubsetRecipe(choice: choice, seed: seed, videos: size)
        let corpus = try open(recipe, made)
        let files = try files(corpus)
        #expect(files.count == size && files.isSuperset(of: before), "\(counts) \(size)")
        #expect(try files == self.files(open(recipe, again)))
        let n = made.corpus.counts(split: .train)
        let k = corpus.counts(split: .train)
        if choice == .tailPreserving {
          let cap = zip(k, n).filter { $0 < $1 }.map(\.0).min() ?? total
          #expect(zip(k, n).allSatisfy { $1 > cap || $0 == $1 }, "\(counts) \(size)")
        }
        before = files
      }
    }
  }

  /// Lengths exchanged give as many videos of every label.
  @Test(arguments: UInt64(0)..<6) func histogramsOfAnyCorpusAreEqual(seed: UInt64) throws {
    var random = CounterRandom(seed: 3, seed)
    var counts = randomCounts(&random, labels: 12, first: 40)
    counts[0] += 20
    var lengths: [[Int]] = []
    for count in counts { lengths.append((0..<count).map { _ in 1 + random.integer(below: 60) }) }
    let made = try longTailed(counts) { 10 * lengths[$0][$1] }
    let (short, long) = (SubsetRecipe.Lengths(1, 25), SubsetRecipe.Lengths(35, 60))
    func k(_ lengths: SubsetRecipe.Lengths, _ other: SubsetRecipe.Lengths, _ videos: Int?) throws -> [String: Int] {
      try made.corpus.subset(
        SubsetRecipe(
          choice: videos == nil ? .random : .tailPreserving, seed: seed, videos: videos, lengths: lengths,
          histogramOf: other)
      ).counts
    }
    let all = try k(short, long, nil)
    #expect(try all == k(long, short, nil))
    for (label, name) in counts.indices.map({ ($0, "label \($0)") }) {
      let both = [1...25, 35...60].map { range in lengths[label].count { range.contains($0) } }
      #expect(all[name] ?? 0 == both.min())
    }
    let size = 1 + random.integer(below: all.values.reduce(0, +))
    #expect(try k(short, long, size) == k(long, short, size))
  }
}
