internal import Foundation

/// Measures of classification.
package enum Metrics {
  /// How many classes score higher than `label`: 0 is the best. Of equal scores the lower index comes first.
  /// A label out of range ranks last.
  package static func rank(of label: Int, in scores: [Float]) -> Int {
    guard scores.indices.contains(label) else { return scores.count }
    let own = scores[label]
    return scores.indices.count { index in
      index != label && (scores[index] > own || (scores[index] == own && index < label) || own.isNaN)
    }
  }

  /// Probabilities of logits, computed in double.
  package static func softmax(_ logits: [Float]) -> [Float] {
    guard let largest = logits.max() else { return [] }
    let powers = logits.map { exp(Double($0) - Double(largest)) }
    let sum = powers.reduce(0, +)
    return powers.map { Float($0 / sum) }
  }

  /// 1 / (1 + e^−x), without overflow.
  package static func sigmoid(_ value: Double) -> Double {
    let power = exp(-abs(value))
    return (value < 0 ? power : 1) / (1 + power)
  }

  /// Mean over classes of the average precision: of every video of the class, ranked by the class's score (higher first, then
  /// by index), the share of the class's videos among those ranked no lower. Classes without videos do not count.
  ///
  /// - Parameters:
  ///   - scores: a row of class scores a video.
  ///   - labels: the classes of each video, one or several.
  package static func meanAveragePrecision(scores: [[Float]], labels: [[Int]]) -> Double {
    guard let classes = scores.map(\.count).min(), scores.count == labels.count else { return 0 }
    var sum = 0.0
    var counted = 0
    for index in 0..<classes {
      let positives = labels.map { $0.contains(index) }
      guard positives.contains(true) else { continue }
      let order = scores.indices.sorted {
        scores[$0][index] != scores[$1][index] ? scores[$0][index] > scores[$1][index] : $0 < $1
      }
      var hits = 0
      var precision = 0.0
      for (place, video) in order.enumerated() where positives[video] {
        hits += 1
        precision += Double(hits) / Double(place + 1)
      }
      sum += precision / Double(hits)
      counted += 1
    }
    return counted > 0 ? sum / Double(counted) : 0
  }
}
