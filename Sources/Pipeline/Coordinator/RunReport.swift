/// What a run says at its end: `report.json`, and the last line of `sluice run --json`.
package struct RunReport: Codable, Sendable, Equatable {
  package struct Quarantined: Codable, Sendable, Equatable {
    package var video: String
    package var reason: String
  }

  package struct Evaluation: Codable, Sendable, Equatable {
    package var step: Int
    package var top1: Double
    package var top5: Double
    package var map: Double
  }

  package struct LabelAccuracy: Codable, Sendable, Equatable {
    package var label: String
    package var videos: Int
    package var top1: Double
  }

  package var run: String
  package var directory: String
  package var steps: Int
  package var stepsRolledBack: Int
  package var stopped: Bool
  package var reproducible: Bool
  package var samplesPlanned: Int
  package var samplesUsed: Int
  package var substitutes: Int
  package var duplicatesDropped: Int
  package var leasesExpired: Int
  package var quarantined: [Quarantined]
  package var workersLost: Int
  package var parametersSHA256: String
  package var seconds: Double
  package var clipsPerSecond: Double
  package var waitShare: [String: Double]
  @NullInJSON package var lossFirst: Double?
  @NullInJSON package var lossLast: Double?
  @NullInJSON package var evaluation: Evaluation?
  /// Accuracy of each label in the last evaluation, in the corpus' order of labels.
  package var labels: [LabelAccuracy]
  /// Clips each worker made, by worker: who did the work.
  package var work: [String: Int]
  /// The numerics fingerprint that every trainer shares, and what it is of: kernel path, table of methods, libraries.
  package var numerics: String?
  package var kernels: String?

  enum CodingKeys: String, CodingKey {
    case run, directory, steps, stopped, reproducible, substitutes, quarantined, seconds, evaluation, labels, work,
      numerics, kernels
    case stepsRolledBack = "steps_rolled_back"
    case samplesPlanned = "samples_planned"
    case samplesUsed = "samples_used"
    case duplicatesDropped = "duplicates_dropped"
    case leasesExpired = "leases_expired"
    case workersLost = "workers_lost"
    case parametersSHA256 = "parameters_sha256"
    case clipsPerSecond = "clips_per_second"
    case waitShare = "wait_share"
    case lossFirst = "loss_first"
    case lossLast = "loss_last"
  }

  /// Means over the first and the last tenth.
  package static func meansOfEnds(_ losses: [Double]) -> (first: Double?, last: Double?) {
    guard !losses.isEmpty else { return (nil, nil) }
    let count = max(1, losses.count / 10)
    return (
      losses.prefix(count).reduce(0, +) / Double(count), losses.suffix(count).reduce(0, +) / Double(count)
    )
  }
}
