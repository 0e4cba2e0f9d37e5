/// How many videos of each label a subset has (k_L), from how many there are (n_L).
package enum SubsetCounts {
  /// The labels of the first videos of one seeded order of all: nested for rising sizes, and distributed as if the videos
  /// were drawn without replacement.
  ///
  /// - Parameters:
  ///   - order: seeds the order.
  ///   - accept: whether the video with this place among its label's still fits; the subset ends with the first that does not.
  package static func random(
    _ n: [Int], order: UInt64, accept: (_ label: Int, _ place: Int) -> Bool
  ) -> [Int] {
    var first = [0]
    for count in n { first.append(first[first.count - 1] + count) }
    let total = first[n.count]
    let permutation = FeistelPermutation(count: total, key: order)
    var k = n.map { _ in 0 }
    for index in 0..<total {
      let label = label(of: permutation(index), first)
      guard accept(label, k[label]) else { break }
      k[label] += 1
    }
    return k
  }

  /// min(n_L, τ) with the largest whole τ that gives at most `total`, and one more each for labels above τ in a seeded order:
  /// the sum is exact, and the counts of a smaller total are nowhere larger.
  ///
  /// - Parameters:
  ///   - total: at most Σn.
  ///   - rank: the seeded order of the labels, smallest first; distinct but for labels of one name.
  package static func tailPreserving(_ n: [Int], total: Int, rank: (_ label: Int) -> UInt64) -> [Int] {
    func sum(_ cap: Int) -> Int { n.reduce(0) { $0 + min($1, cap) } }
    var (low, high) = (0, (n.max() ?? 0) + 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if sum(middle) <= total { low = middle } else { high = middle }
    }
    var k = n.map { min($0, low) }
    let above = n.indices.filter { n[$0] > low }.sorted { (rank($0), $0) < (rank($1), $1) }
    for label in above.prefix(total - k.reduce(0, +)) { k[label] += 1 }
    return k
  }

  private static func label(of place: Int, _ first: [Int]) -> Int {
    var (low, high) = (0, first.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if first[middle] <= place { low = middle } else { high = middle }
    }
    return low
  }
}
