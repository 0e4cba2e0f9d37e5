package import Networks

/// How the logits of a video's clips, or of the places of a full frame, become its scores: what is averaged over them.
package enum ClipScores: String, Sendable, CaseIterable {
  /// Probabilities of classes of which one is right.
  case softmax
  /// Probabilities of each class by itself.
  case sigmoid
  case logits

  /// The scores a network trained with `loss` is meant to give.
  package init(of loss: Loss) {
    switch loss {
    case .softmax: self = .softmax
    case .sigmoid: self = .sigmoid
    }
  }

  /// - Parameter logits: rows of `classes`, at least one row.
  /// - Returns: the mean over rows, one score for each class.
  package func callAsFunction(_ logits: [Float], classes: Int) -> [Float] {
    let rows = logits.count / classes
    var sum = [Float](repeating: 0, count: classes)
    for row in 0..<rows {
      let own = Array(logits[(row * classes)..<((row + 1) * classes)])
      let scores =
        switch self {
        case .softmax: Metrics.softmax(own)
        case .sigmoid: own.map { Float(Metrics.sigmoid(Double($0))) }
        case .logits: own
        }
      for index in 0..<classes { sum[index] += scores[index] }
    }
    return sum.map { $0 / Float(rows) }
  }
}
