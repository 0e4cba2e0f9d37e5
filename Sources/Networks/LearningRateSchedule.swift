internal import Foundation

/// The learning rate of every step: a linear warm-up, then a decay.
package struct LearningRateSchedule: Sendable, Equatable {
  /// How the rate falls after the warm-up.
  package enum Kind: Sendable, Equatable {
    case constant
    /// Halved so many times, at equal numbers of steps; the paper (section 3): 13, which makes 14 segments.
    case halvings(Int)
    /// Times `gamma` at each of these steps.
    case steps([Int], gamma: Double)
    /// (1 + cos(π · step / total)) / 2.
    case halfCosine
  }

  /// For all replicas together.
  package var base: Double
  package var replicas: Int
  /// Steps over which the rate rises from base / replicas to base.
  package var warmUpSteps: Int
  package var totalSteps: Int
  package var kind: Kind

  package init(base: Double, replicas: Int, warmUpSteps: Int, totalSteps: Int, kind: Kind) {
    self.base = base
    self.replicas = replicas
    self.warmUpSteps = warmUpSteps
    self.totalSteps = totalSteps
    self.kind = kind
  }

  /// The rate of step `step`, counted from 0.
  package func rate(step: Int) -> Double {
    if step < warmUpSteps {
      // The rule of linear scaling: one replica's rate at first, all replicas' at the end.
      let single = base / Double(max(replicas, 1))
      return single + (base - single) * Double(step) / Double(warmUpSteps)
    }
    switch kind {
    case .constant:
      return base
    case .halvings(let count):
      return base * pow(0.5, Double(min(count, max(step, 0) * (count + 1) / max(totalSteps, 1))))
    case .steps(let boundaries, let gamma):
      return base * pow(gamma, Double(boundaries.count { step >= $0 }))
    case .halfCosine:
      let part = min(1, Double(step) / Double(max(totalSteps, 1)))
      return base * (1 + cos(.pi * part)) / 2
    }
  }
}
