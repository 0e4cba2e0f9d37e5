/// Which video each draw of a run takes: a pure function of the draw's number.
///
/// An epoch is a virtual list in which label L has q_L consecutive places. A permutation keyed by the epoch maps draw
/// → place; binary search over the cumulative q gives (L, j); the video has rank P_L((e·q_L + j) mod n_L), with P_L a
/// permutation of the label's videos that is keyed anew each time they have all been used. With natural quotas an
/// epoch takes every video exactly once.
package struct Draws: Sendable {
  /// What a permutation is for, so that no two share a key.
  private enum Purpose: UInt64 {
    case places = 0x706C_6163_6573
    case videos = 0x7669_6465_6F73
    case substitutes = 0x7375_6273_7469
  }

  private let counts: [Int]
  private let quotas: [Int]
  /// First place of each label, and the length of the epoch at the end.
  private let firstPlaces: [Int]
  private let seed: UInt64

  /// - Parameters:
  ///   - counts: videos of each label, n_L.
  ///   - quotas: draws of each label in an epoch, q_L; 0 wherever n_L is 0.
  package init(counts: [Int], quotas: [Int], seed: UInt64) {
    precondition(counts.count == quotas.count)
    precondition(zip(counts, quotas).allSatisfy { $0 >= 0 && $1 >= 0 && ($0 > 0 || $1 == 0) })
    self.counts = counts
    self.quotas = quotas
    self.seed = seed
    var firstPlaces = [0]
    for quota in quotas { firstPlaces.append(firstPlaces[firstPlaces.count - 1] + quota) }
    self.firstPlaces = firstPlaces
  }

  /// Draws in an epoch; 0 when there is no video at all.
  package var epochLength: Int { firstPlaces[firstPlaces.count - 1] }

  /// The video of draw `d`.
  ///
  /// - Parameter d: at least 0; the epoch must not be empty.
  /// - Returns: its label, its rank among the label's videos, and the epoch.
  package func draw(_ d: Int) -> (label: Int, rank: Int, epoch: Int) {
    precondition(d >= 0 && epochLength > 0)
    let (epoch, position) = d.quotientAndRemainder(dividingBy: epochLength)
    let places = FeistelPermutation(count: epochLength, key: key(.places, UInt64(epoch)))
    let place = places(position)
    let label = label(of: place)
    let use = epoch * quotas[label] + place - firstPlaces[label]
    let (wrap, index) = use.quotientAndRemainder(dividingBy: counts[label])
    let videos = FeistelPermutation(count: counts[label], key: key(.videos, UInt64(label), UInt64(wrap)))
    return (label, videos(index), epoch)
  }

  /// The video that stands in for a failed one, of the same label.
  ///
  /// - Parameters:
  ///   - label: with at least one video.
  ///   - attempt: from 1. Attempts give distinct videos until the label has no more, then begin again.
  /// - Returns: rank among the label's videos.
  package func substitute(label: Int, step: Int, replica: Int, slot: Int, attempt: Int) -> Int {
    precondition(attempt >= 1 && counts[label] > 0)
    let words = [label, step, replica, slot].map { UInt64(bitPattern: Int64($0)) }
    let key = CounterRandom.key(seed: seed, [Purpose.substitutes.rawValue] + words)
    return FeistelPermutation(count: counts[label], key: key)((attempt - 1) % counts[label])
  }

  private func key(_ purpose: Purpose, _ words: UInt64...) -> UInt64 {
    CounterRandom.key(seed: seed, [purpose.rawValue] + words)
  }

  /// The last label whose first place is at or before `place`, which passes over labels without places.
  private func label(of place: Int) -> Int {
    var low = 0
    var high = quotas.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if firstPlaces[middle] <= place { low = middle } else { high = middle }
    }
    return low
  }
}
