internal import Foundation

/// Softmax cross-entropy on one label a clip, in double.
enum SoftmaxCrossEntropy {
  /// Mean loss and number of clips whose label scores highest (the first of equals counts).
  ///
  /// - Parameters:
  ///   - logits: (clips, classes); overwritten with the gradient of the mean loss if `differentiate`.
  ///   - labels: one a clip, in 0..<classes.
  static func evaluate(
    _ logits: UnsafeMutablePointer<Double>, classes: Int, labels: [Int], differentiate: Bool
  ) -> TrainResult {
    var loss = 0.0
    var correct = 0
    let clips = Double(labels.count)
    for (clip, label) in labels.enumerated() {
      let row = logits + clip * classes
      var best = 0
      for index in 0..<classes where row[index] > row[best] { best = index }
      if best == label { correct += 1 }
      let largest = row[best]
      var sum = 0.0
      for index in 0..<classes { sum += exp(row[index] - largest) }
      loss += log(sum) - (row[label] - largest)
      guard differentiate else { continue }
      for index in 0..<classes {
        let probability = exp(row[index] - largest) / sum
        row[index] = (probability - (index == label ? 1 : 0)) / clips
      }
    }
    return TrainResult(loss: loss / clips, correct: correct)
  }
}

/// What one training step says of its batch.
package struct TrainResult: Sendable, Equatable {
  /// Mean cross-entropy.
  package let loss: Double
  /// Clips whose label scored highest.
  package let correct: Int
}
