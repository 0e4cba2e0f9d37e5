internal import Foundation

/// What training minimises: a mean over the clips of a batch, in double.
package enum Loss: Sendable, Equatable {
  /// Softmax cross-entropy on the first of a clip's labels. With smoothing s, in [0, 1), the target is 1 − s of that label
  /// and s spread evenly over all classes, as in PyTorch's `CrossEntropyLoss`.
  case softmax(smoothing: Double = 0)
  /// For clips with several labels: the logistic loss of each class's sigmoid against 1 for the clip's labels and 0 for all
  /// others, mean over the classes, as in PyTorch's `BCEWithLogitsLoss` (paper.md section 3).
  case sigmoid

  /// Mean loss, and the number of clips of which a label counted by this loss scores highest (of equals the first class).
  ///
  /// - Parameters:
  ///   - logits: (clips, classes); overwritten with the gradient of the mean loss.
  ///   - labels: of each clip, in 0..<classes; at least one for softmax.
  package func evaluate(_ logits: UnsafeMutablePointer<Double>, classes: Int, labels: [[Int]]) -> TrainResult {
    var loss = 0.0
    var correct = 0
    let clips = Double(labels.count)
    for (clip, own) in labels.enumerated() {
      let row = UnsafeMutableBufferPointer(start: logits + clip * classes, count: classes)
      var best = 0
      for index in 0..<classes where row[index] > row[best] { best = index }
      switch self {
      case .softmax(let smoothing):
        if own[0] == best { correct += 1 }
        loss += Self.softmax(row, largest: row[best], label: own[0], smoothing: smoothing, clips: clips)
      case .sigmoid:
        if own.contains(best) { correct += 1 }
        loss += Self.sigmoid(row, labels: own, clips: clips)
      }
    }
    return TrainResult(loss: loss / clips, correct: correct)
  }

  /// The loss of one clip; its row becomes the gradient of the mean over `clips`.
  private static func softmax(
    _ row: UnsafeMutableBufferPointer<Double>, largest: Double, label: Int, smoothing: Double, clips: Double
  ) -> Double {
    var sum = 0.0
    var total = 0.0
    for value in row {
      sum += exp(value - largest)
      total += value - largest
    }
    let share = smoothing / Double(row.count)
    let loss = log(sum) - (1 - smoothing) * (row[label] - largest) - share * total
    for index in row.indices {
      let target = (index == label ? 1 - smoothing : 0) + share
      row[index] = (exp(row[index] - largest) / sum - target) / clips
    }
    return loss
  }

  private static func sigmoid(_ row: UnsafeMutableBufferPointer<Double>, labels: [Int], clips: Double) -> Double {
    let classes = Double(row.count)
    var targets = [Double](repeating: 0, count: row.count)
    for label in labels { targets[label] = 1 }
    var loss = 0.0
    for (index, target) in targets.enumerated() {
      let value = row[index]
      // log(1 + e^x) − t·x without overflow.
      loss += max(value, 0) - value * target + log1p(exp(-abs(value)))
      row[index] = (Metrics.sigmoid(value) - target) / (classes * clips)
    }
    return loss / classes
  }
}

/// What one training step says of its batch.
package struct TrainResult: Sendable, Equatable {
  /// Mean over the clips.
  package let loss: Double
  /// Clips of which a label scored highest.
  package let correct: Int
}
