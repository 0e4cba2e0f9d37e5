package import Topology

/// Decides how many workers a stage should have: a pure function of what is handed in. It adds workers to the stage that the
/// others wait for and takes away those that wait themselves, only after that was so for a while, and then waits for the
/// effect.
package struct Autoscaler: Sendable {
  package struct Decision: Sendable, Equatable {
    package var stage: Stage
    package var from: Int
    package var to: Int
    package var reason: String
  }

  /// A stage whose workers wait less than this is at work all the time.
  private static let busyShare = 0.2
  /// One whose workers wait more than this has too many.
  private static let idleShare = 0.5
  /// Those left after one has gone must still wait so much.
  private static let spareShare = 0.3
  /// Seconds for which a stage must be short before it grows, and idle before it shrinks.
  private static let secondsToGrow = 10.0
  private static let secondsToShrink = 60.0
  /// Seconds after a change in which nothing is decided: wait shares are those of the last 10 seconds, and processes start.
  private static let settlingSeconds = 30.0

  private let limits: [Stage: ClosedRange<Int>]
  private var shortSince: [Stage: Double] = [:]
  private var idleSince: [Stage: Double] = [:]
  private var changedAt: [Stage: Double] = [:]

  package init(limits: [Stage: ClosedRange<Int>]) { self.limits = limits }

  /// - Parameters:
  ///   - waitShares: by stage, the share of the last seconds that its workers waited; stages that have not counted yet are
  ///     absent.
  ///   - counts: workers of each stage that can be changed.
  ///   - now: seconds on any monotonic clock; call it about once a second.
  package mutating func decide(waitShares: [Stage: Double], counts: [Stage: Int], now: Double) -> [Decision] {
    let short = waitShares.filter { $0.value < Self.busyShare }
      .min { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
    return Stage.allCases.compactMap { stage in
      guard let limit = limits[stage] else { return nil }
      let count = counts[stage, default: 0]
      let share = waitShares[stage]
      Self.note(stage, in: &shortSince, if: short == stage, now)
      let isIdle = share.map { $0 > Self.idleShare && Self.shareAfterLoss(of: $0, count) > Self.spareShare } ?? false
      Self.note(stage, in: &idleSince, if: isIdle, now)
      if let changed = changedAt[stage], now - changed < Self.settlingSeconds { return nil }
      guard let (to, reason) = wanted(stage, count, limit, share ?? 0, now) else { return nil }
      changedAt[stage] = now
      (shortSince[stage], idleSince[stage]) = (nil, nil)
      return Decision(stage: stage, from: count, to: to, reason: reason)
    }
  }

  private func wanted(
    _ stage: Stage, _ count: Int, _ limit: ClosedRange<Int>, _ share: Double, _ now: Double
  ) -> (count: Int, reason: String)? {
    let waited = "its workers waited \(Int((100 * share).rounded())) %"
    if count < limit.lowerBound { return (limit.lowerBound, "fewer than min") }
    if count > limit.upperBound { return (limit.upperBound, "more than max") }
    if let since = shortSince[stage], now - since >= Self.secondsToGrow, count < limit.upperBound {
      let to = min(limit.upperBound, count + max(1, count / 4))
      return (to, "the others wait for it: \(waited) for \(Int(now - since)) s")
    }
    if let since = idleSince[stage], now - since >= Self.secondsToShrink, count > limit.lowerBound {
      return (count - 1, "\(waited) for \(Int(now - since)) s")
    }
    return nil
  }

  private static func note(_ stage: Stage, in since: inout [Stage: Double], if holds: Bool, _ now: Double) {
    since[stage] = holds ? since[stage] ?? now : nil
  }

  /// How much the workers that stay would wait.
  private static func shareAfterLoss(of share: Double, _ count: Int) -> Double {
    count < 2 ? 0 : 1 - (1 - share) * Double(count) / Double(count - 1)
  }
}
