import Corpus
import Testing

@Suite struct DrawsTests {
  @Test(arguments: [0, 1, 2, 3, 4, 5, 7, 16, 17, 100, 1023, 1024, 1025, 4097, 30_000])
  func everyPermutationIsABijection(count: Int) {
    for key: UInt64 in [0, 1, 0xDEAD_BEEF, .max] {
      let permutation = FeistelPermutation(count: count, key: key)
      var seen = Array(repeating: false, count: count)
      for index in 0..<count { seen[permutation(index)] = true }
      #expect(seen.allSatisfy { $0 })
    }
  }

  @Test func permutationsOfOtherKeysDifferAndMix() {
    let images = (0..<8).map { (key: UInt64) -> [Int] in
      let permutation = FeistelPermutation(count: 1000, key: key)
      return (0..<1000).map { permutation($0) }
    }
    #expect(Set(images).count == 8)
    for image in images {
      // A random permutation has one fixed point on average and as many rises as falls.
      #expect(image.enumerated().count { $0 == $1 } < 10)
      let rises = zip(image, image.dropFirst()).count { $0 < $1 }
      #expect((430...570).contains(rises))
    }
  }

  @Test func permutationsOfThreeTakeAllSixOrders() {
    let orders = (0..<200).map { (key: UInt64) -> [Int] in
      let permutation = FeistelPermutation(count: 3, key: key)
      return (0..<3).map { permutation($0) }
    }
    #expect(Set(orders).count == 6)
  }

  @Test func largePermutationsStayInRange() {
    let count = 65_000_000
    let permutation = FeistelPermutation(count: count, key: 5)
    var images: Set<Int> = []
    for index in stride(from: 0, to: count, by: 65_003) { images.insert(permutation(index)) }
    #expect(images.count == (count + 65_002) / 65_003)
    #expect(images.allSatisfy { (0..<count).contains($0) })
  }

  @Test func randomNumbersArePureFunctionsOfTheirWords() {
    func numbers(_ random: CounterRandom) -> [UInt64] {
      var random = random
      return (0..<4).map { _ in random.next() }
    }
    #expect(numbers(CounterRandom(seed: 1, 2, 3)) == numbers(CounterRandom(seed: 1, 2, 3)))
    let all = [
      CounterRandom(seed: 1), CounterRandom(seed: 0, 1), CounterRandom(seed: 1, 2, 3), CounterRandom(seed: 1, 3, 2),
      CounterRandom(seed: 1, 2), CounterRandom(seed: 1, 2, 3, 0), CounterRandom(seed: 0),
    ]
    #expect(Set(all.map(numbers)).count == all.count)
    // Fixed for ever: runs of earlier versions resume with the same plan.
    var random = CounterRandom(seed: 7, 1, 2)
    #expect(
      (0..<3).map { _ in random.next() } == [0xD769_851D_D7C9_3426, 0xA212_BEA3_13BE_E5F8, 0xC81F_E39D_163D_81F9])
    let permutation = FeistelPermutation(count: 10, key: 42)
    #expect((0..<10).map { permutation($0) } == [2, 8, 7, 6, 1, 5, 4, 3, 9, 0])
  }

  @Test func uniformNumbersAreUniform() {
    var random = CounterRandom(seed: 3)
    let numbers = (0..<20_000).map { _ in random.uniform() }
    #expect(numbers.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(numbers.reduce(0, +) / 20_000 - 0.5) < 0.01)
    var counts = Array(repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[random.integer(below: 7)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 10_000) < 500 })
    #expect(random.integer(below: 1) == 0)
  }

  @Test func naturalEpochsTakeEveryVideoOnce() {
    let counts = [5, 0, 13, 1, 40, 0]
    let draws = Draws(counts: counts, quotas: Quotas.natural(counts), seed: 9)
    #expect(draws.epochLength == 59)
    var orders: [[[Int]]] = []
    for epoch in 0..<4 {
      let taken = (0..<59).map { draws.draw(epoch * 59 + $0) }
      #expect(taken.allSatisfy { $0.epoch == epoch })
      let videos = taken.map { [$0.label, $0.rank] }
      #expect(Set(videos).count == 59)
      #expect(videos.allSatisfy { $0[1] >= 0 && $0[1] < counts[$0[0]] })
      orders.append(videos)
    }
    #expect(Set(orders).count == 4)
  }

  @Test func squareRootQuotasSumToTheVideosAndFollowTheRoot() {
    #expect(Quotas.squareRoot([100, 25, 4, 0, 1]) == [72, 36, 15, 0, 7])
    #expect(Quotas.squareRoot([]) == [])
    #expect(Quotas.squareRoot([0, 0]) == [0, 0])
    #expect(Quotas.squareRoot([3, 3, 3]) == [3, 3, 3])
    #expect(Quotas.squareRoot([1, 1, 1, 1]) == [1, 1, 1, 1])
    var random = CounterRandom(seed: 1)
    for _ in 0..<200 {
      let n = (0..<(1 + random.integer(below: 40))).map { _ in random.integer(below: 5000) }
      let q = Quotas.squareRoot(n)
      #expect(q.reduce(0, +) == n.reduce(0, +))
      #expect(zip(n, q).allSatisfy { ($0 == 0) == ($1 == 0) })
      let total = Double(n.reduce(0, +))
      let roots = n.reduce(0.0) { $0 + Double($1).squareRoot() }
      #expect(zip(n, q).allSatisfy { abs(Double($1) - total * Double($0).squareRoot() / roots) < 1 })
    }
  }

  @Test func tiesGoToTheSmallerIndex() {
    // √1, √1, √4 of 6: shares 1.5, 1.5, 3.
    #expect(Quotas.squareRoot([1, 1, 4]) == [2, 1, 3])
  }

  @Test func repeatFactorsRepeatRareLabelsOnly() {
    // f = 0.9, 0.1; with t = 0.4 the second is repeated √4 times.
    #expect(Quotas.repeatFactor([90, 10, 0], threshold: 0.4) == [90, 20, 0])
  }

  @Test func squareRootEpochsHaveTheQuotasExactly() {
    let counts = [100, 25, 4, 0, 1]
    let quotas = Quotas.squareRoot(counts)
    let draws = Draws(counts: counts, quotas: quotas, seed: 4)
    for epoch in 0..<3 {
      var drawn = Array(repeating: 0, count: counts.count)
      for d in 0..<draws.epochLength { drawn[draws.draw(epoch * draws.epochLength + d).label] += 1 }
      #expect(drawn == quotas)
    }
  }

  @Test func videosOfALabelAreUsedEvenlyAndReorderedAtEachWrap() {
    let counts = [3, 20]
    let draws = Draws(counts: counts, quotas: [12, 11], seed: 4)
    var uses = [Array(repeating: 0, count: 3), Array(repeating: 0, count: 20)]
    for d in 0..<(20 * draws.epochLength) {
      let (label, rank, _) = draws.draw(d)
      uses[label][rank] += 1
    }
    // 20 epochs of 12 draws are 80 whole passes over 3 videos; 20 of 11 are 11 passes over 20.
    #expect(uses[0] == [80, 80, 80])
    #expect(uses[1] == Array(repeating: 11, count: 20))
  }

  @Test func drawsDependOnTheSeed() {
    let counts = [30, 30]
    func first(_ seed: UInt64) -> [[Int]] {
      let draws = Draws(counts: counts, quotas: counts, seed: seed)
      return (0..<20).map { [draws.draw($0).label, draws.draw($0).rank] }
    }
    #expect(first(1) == first(1))
    #expect(first(1) != first(2))
  }

  @Test func substitutesAreDistinctUntilTheLabelIsExhausted() {
    let draws = Draws(counts: [6, 1], quotas: [6, 1], seed: 4)
    func ranks(_ slot: Int) -> [Int] {
      (1...12).map { draws.substitute(label: 0, step: 3, replica: 1, slot: slot, attempt: $0) }
    }
    for slot in 0..<10 {
      #expect(Set(ranks(slot).prefix(6)) == Set(0..<6))
      #expect(Array(ranks(slot).prefix(6)) == Array(ranks(slot).suffix(6)))
    }
    #expect(Set((0..<10).map(ranks)).count > 5)
    #expect(draws.substitute(label: 1, step: 0, replica: 0, slot: 0, attempt: 99) == 0)
  }
}
