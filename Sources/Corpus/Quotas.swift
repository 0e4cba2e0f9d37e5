/// How many draws of one epoch each label gets (q_L), from the number of its videos (n_L).
package enum Quotas {
  /// Every video once: q = n.
  package static func natural(_ n: [Int]) -> [Int] { n }

  /// q_L ∝ √n_L with Σq = Σn, by largest remainder; labels without videos get none, ties go to the smaller index.
  ///
  /// Every label with a video gets at least one draw, since Σ√n ≤ Σn.
  package static func squareRoot(_ n: [Int]) -> [Int] {
    largestRemainder(weights: n.map { Double($0).squareRoot() }, total: n.reduce(0, +))
  }

  /// Repeat factors r_L = max(1, √(t / f_L)) with f_L = n_L / Σn: q_L = r_L · n_L, rounded. The epoch grows.
  ///
  /// - Parameter threshold: t, the share of videos below which a label is repeated.
  package static func repeatFactor(_ n: [Int], threshold: Double) -> [Int] {
    let total = Double(n.reduce(0, +))
    return n.map { count in
      guard count > 0 else { return 0 }
      let factor = max(1, (threshold * total / Double(count)).squareRoot())
      return Int((factor * Double(count)).rounded())
    }
  }

  /// Whole numbers that sum to `total` and follow `weights`.
  ///
  /// - Parameter weights: at least 0 each; those that are 0 get nothing.
  static func largestRemainder(weights: [Double], total: Int) -> [Int] {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return weights.map { _ in 0 } }
    let shares = weights.map { $0 / sum * Double(total) }
    var quotas = shares.map { Int($0.rounded(.down)) }
    var order = weights.indices.filter { weights[$0] > 0 }
    func remainder(_ index: Int) -> Double { shares[index] - shares[index].rounded(.down) }
    order.sort { (remainder($1), $0) < (remainder($0), $1) }
    // The floors leave less than one draw a label, up to the rounding of the shares, which may also exceed the total.
    var left = total - quotas.reduce(0, +)
    var next = 0
    while left > 0 {
      quotas[order[next % order.count]] += 1
      left -= 1
      next += 1
    }
    for index in order.reversed() where left < 0 && quotas[index] > 0 {
      quotas[index] -= 1
      left += 1
    }
    return quotas
  }
}
