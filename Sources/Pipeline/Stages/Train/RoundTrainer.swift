package import Networks
package import Tensors
package import Topology

/// What one replica's round gives.
package struct RoundResult: Sendable {
  /// float32, the layout's elements: gradients of the mean loss, and batch statistics in the running ones' places; with
  /// several steps a round, see ``LocalSteps``.
  package var contribution: AlignedBuffer
  /// Mean over the clips; NaN when it or an element of the contribution is not a finite number.
  package var loss: Double
  package var correct: Int
}

/// Trains one replica's batch at given parameters. Used on one work thread.
package protocol RoundTrainer: Sendable {
  /// - Parameters:
  ///   - parameters: may still be on their way; waited for as they are read.
  ///   - onFinal: called as backward goes on: the contribution's elements from this one on are final.
  func train(
    parameters: IncomingVector, batch: FetchedBatch, onFinal: (_ contribution: AlignedBuffer, _ from: Int) -> Void
  ) throws(NetworkError) -> RoundResult
}

extension Networks.Precision {
  /// What a topology asks for.
  init(_ precision: Topology.Train.Precision) {
    switch precision {
    case .float32: self = .float32
    case .mixed: self = .mixed
    case .float64: self = .float64
    }
  }
}

extension Topology.Train {
  /// What a topology minimises.
  var objective: Networks.Loss {
    switch loss {
    case .softmax: .softmax(smoothing: labelSmoothing)
    case .sigmoid: .sigmoid
    }
  }
}

/// The network itself.
package final class NetworkTrainer: RoundTrainer, @unchecked Sendable {
  // Sendable: made on one thread and from then on used on the train stage's work thread only.
  private let network: any ClipNetwork
  /// Where a replica takes more than one step in a round.
  private let local: (steps: LocalSteps, settings: Topology.Train)?
  private var pool = BufferPool()

  /// A network that takes one step in a round.
  package init(network: any ClipNetwork) {
    self.network = network
    local = nil
  }

  package init(topology: Topology, classes: Int) throws(NetworkError) {
    let train = topology.train
    let definition = try NetworkDefinition(name: train.network, classes: classes, width: train.width)
    network = try definition.network(
      batch: train.batch, frames: topology.clip.frames, height: topology.clip.crop,
      width: topology.clip.crop, threads: train.threads, loss: train.objective,
      precision: Networks.Precision(train.precision), winograd: train.winograd)
    local =
      train.localSteps > 1 ? (LocalSteps(network, count: train.localSteps, batch: train.batch), train) : nil
  }

  package func train(
    parameters: IncomingVector, batch: FetchedBatch, onFinal: (_ contribution: AlignedBuffer, _ from: Int) -> Void
  ) throws(NetworkError) -> RoundResult {
    let contribution = pool.take(byteCount: network.layout.count * 4)
    let values = UnsafeBufferPointer(parameters.buffer.elements(Float.self))
    let clips = UnsafeBufferPointer(batch.clips.elements(UInt8.self))
    let result: TrainResult
    if let (steps, settings) = local {
      parameters.wait(upTo: network.layout.count)
      let rate = settings.learningRate(at: batch.group.step)
      result = try steps.train(
        from: values, clips: clips, labels: batch.labels, options: settings.sgdOptions(learningRate: rate),
        contribution: contribution.elements(Float.self))
    } else {
      result = try network.train(
        parameters: values, clips: clips.baseAddress!, labels: batch.labels,
        gradient: contribution.elements(Float.self),
        onNeed: { parameters.wait(upTo: $0) }, onFinal: { onFinal(contribution, $0) })
    }
    let isFinite = Self.isFinite(contribution.elements(Float.self))
    return RoundResult(contribution: contribution, loss: isFinite ? result.loss : .nan, correct: result.correct)
  }

  /// Whether no element is infinite or not a number: x · 0 is 0 for every other.
  private static func isFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
    var lanes = SIMD16<Float>(repeating: 0)
    let vectors = values.count / 16
    values.baseAddress!.withMemoryRebound(to: SIMD16<Float>.self, capacity: vectors) { pointer in
      for index in 0..<vectors { lanes += pointer[index] * 0 }
    }
    return lanes.sum() == 0 && values[(vectors * 16)...].allSatisfy(\.isFinite)
  }
}

/// Trains nothing: the contribution is zero. For measuring everything else.
package struct NoTrainer: RoundTrainer {
  package let elements: Int

  package init(elements: Int) { self.elements = elements }

  package func train(
    parameters: IncomingVector, batch: FetchedBatch, onFinal: (_ contribution: AlignedBuffer, _ from: Int) -> Void
  ) throws(NetworkError) -> RoundResult {
    let contribution = AlignedBuffer(byteCount: elements * 4)
    contribution.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    return RoundResult(contribution: contribution, loss: 0, correct: 0)
  }
}
