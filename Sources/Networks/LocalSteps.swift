internal import Tensors

/// Local SGD: the steps that a replica takes by itself before parameters are averaged (Stich, "Local SGD Converges Fast and
/// Communicates Little", 2019).
///
/// From the common parameters θ₀, on H batches one after the other, without momentum: θₕ₊₁ = θₕ − rate·(gₕ + decay·θₕ). The
/// replica contributes g₀ + Σₕ₌₁ (gₕ + decay·θₕ), so that one step of SGD without momentum on the mean of the contributions
/// gives the mean of all replicas' θ_H; with momentum it is that of the averages (Wang et al., "SlowMo", 2020). In
/// the places of the running statistics it contributes what takes the common ones to its own after H updates, so their mean is
/// the mean of all replicas', too. With H = 1 all this is a gradient.
package final class LocalSteps {
  private let network: any ClipNetwork
  private let count: Int
  private let batch: Int
  private var parameters: [Float]
  /// d of the last step, of weights and biases.
  private var update: [Float]
  private var gradient: [Float]

  /// - Parameters:
  ///   - count: steps (H), at least 1.
  ///   - batch: clips of each.
  package init(_ network: any ClipNetwork, count: Int, batch: Int) {
    (self.network, self.count, self.batch) = (network, count, batch)
    parameters = [Float](repeating: 0, count: network.layout.count)
    update = parameters
    gradient = parameters
  }

  /// - Parameters:
  ///   - start: θ₀, `layout.count` elements.
  ///   - clips: (H · N, T, H, W, 3), a step's after the other's.
  ///   - labels: of each clip, H · N.
  ///   - options: learning rate and weight decay of every step.
  ///   - contribution: `layout.count` elements, overwritten.
  /// - Returns: the mean loss of all clips, and the correct ones among them.
  package func train(
    from start: UnsafeBufferPointer<Float>, clips: UnsafeBufferPointer<UInt8>, labels: [[Int]], options: SGDOptions,
    contribution: UnsafeMutableBufferPointer<Float>
  ) throws(NetworkError) -> TrainResult {
    guard labels.count == count * batch else {
      throw NetworkError(.invalidInput, "\(count) steps of \(batch) clips do not have \(labels.count) labels.")
    }
    var options = options
    options.momentum = 0
    parameters = Array(start)
    update.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    let clipBytes = clips.count / labels.count
    var (loss, correct) = (0.0, 0)
    for step in 0..<count {
      let own = step * batch..<(step + 1) * batch
      let result = try self.step(
        clips.baseAddress! + own.lowerBound * clipBytes, Array(labels[own]), options)
      (loss, correct) = (loss + result.loss, correct + result.correct)
      add(step == 0 ? gradient : update, to: contribution, isFirst: step == 0)
    }
    contributeStatistics(from: start, to: contribution)
    return TrainResult(loss: loss / Double(count), correct: correct)
  }

  private func step(
    _ clips: UnsafePointer<UInt8>, _ labels: [[Int]], _ options: SGDOptions
  ) throws(NetworkError) -> TrainResult {
    let result = try parameters.withUnsafeBufferPointer { (parameters) throws(NetworkError) in
      try gradient.withUnsafeMutableBufferPointer { (gradient) throws(NetworkError) in
        try network.train(parameters: parameters, clips: clips, labels: labels, gradient: gradient)
      }
    }
    parameters.withUnsafeMutableBufferPointer { parameters in
      update.withUnsafeMutableBufferPointer { update in
        gradient.withUnsafeBufferPointer { gradient in
          SGD.update(
            layout: network.layout, offset: 0, parameters: parameters, momentum: update, sum: gradient, scale: 1,
            options: options)
        }
      }
    }
    return result
  }

  private func add(_ values: [Float], to contribution: UnsafeMutableBufferPointer<Float>, isFirst: Bool) {
    values.withUnsafeBufferPointer { values in
      let (from, to) = (values.baseAddress!, contribution.baseAddress!)
      guard !isFirst else { return to.update(from: from, count: values.count) }
      for index in 0..<values.count { to[index] += from[index] }
    }
  }

  private func contributeStatistics(
    from start: UnsafeBufferPointer<Float>, to contribution: UnsafeMutableBufferPointer<Float>
  ) {
    let fraction = Float(SGD.runningFraction)
    for segment in network.layout.segments where segment.role == .runningMean || segment.role == .runningVariance {
      for index in segment.range {
        contribution[index] = (parameters[index] - (1 - fraction) * start[index]) / fraction
      }
    }
  }
}
