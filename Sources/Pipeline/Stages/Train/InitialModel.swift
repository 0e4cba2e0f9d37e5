package import Networks
package import Tensors
package import Topology

/// Version 0: a function of the seed, or of the weights file the topology names.
package enum InitialModel {
  /// - Returns: float32, the layout's elements.
  package static func vector(topology: Topology, classes: Int) throws(NetworkError) -> AlignedBuffer {
    let train = topology.train
    let definition = try NetworkDefinition(name: train.network, classes: classes, width: train.width)
    let layout = try ParameterLayout(definition)
    let vector = AlignedBuffer(byteCount: layout.count * 4)
    vector.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    Initializer.initialize(layout, seed: topology.seed, into: vector.elements(Float.self))
    if let weights = train.weights {
      _ = try Weights.load(
        weights, layout: layout, definition: definition, head: train.head == .new ? .new : .keep,
        into: vector.elements(Float.self))
    }
    return vector
  }
}

extension Topology.Train {
  /// The learning rate of a step, for all replicas.
  package func learningRate(at step: Int) -> Double {
    let total = steps ?? 1
    let kind: LearningRateSchedule.Kind =
      switch schedule {
      case .constant: .constant
      case .halvings(let count): .halvings(count)
      case .steps(let boundaries, let factor): .steps(boundaries, gamma: factor)
      case .halfCosine: .halfCosine
      }
    return LearningRateSchedule(
      base: learningRate, replicas: replicas, warmUpSteps: warmUpSteps, totalSteps: total, kind: kind
    ).rate(step: step)
  }

  package func sgdOptions(learningRate: Double) -> SGDOptions {
    SGDOptions(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay, learningRate: learningRate)
  }
}
