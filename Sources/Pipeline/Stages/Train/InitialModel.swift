import Foundation
package import Networks
package import Tensors
package import Topology

/// Version 0: a function of the seed, or of the weights file the topology names.
package enum InitialModel {
  /// - Parameter labels: the classes' names, to be those of the weights file if it has any and its head is kept.
  /// - Returns: float32, the layout's elements.
  package static func vector(
    topology: Topology, classes: Int, labels: [String]? = nil
  ) throws(NetworkError) -> AlignedBuffer {
    let train = topology.train
    let definition = try NetworkDefinition(name: train.network, classes: classes, width: train.width)
    let layout = try ParameterLayout(definition)
    let vector = AlignedBuffer(byteCount: layout.count * 4)
    vector.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    Initializer.initialize(layout, seed: topology.seed, into: vector.elements(Float.self))
    if let weights = train.weights, FileManager.default.fileExists(atPath: "\(weights)/manifest.json") {
      return try self.vector(ofCheckpoint: weights, train: train, layout: layout, initial: vector)
    } else if let weights = train.weights {
      let file = RunDirectory.weightsFile(weights)
      let metadata = try Weights.load(
        file, layout: layout, definition: definition, head: train.head == .new ? .new : .keep, inflate: train.inflate,
        into: vector.elements(Float.self))
      if train.head == .keep { try check(metadata, labels: labels, file: file) }
    }
    return vector
  }

  /// Whether `train.weights` names something there is.
  package static func isThere(_ weights: String) -> Bool {
    [RunDirectory.weightsFile(weights), "\(weights)/manifest.json"].contains {
      FileManager.default.fileExists(atPath: $0)
    }
  }

  /// The parameters of a run's checkpoint, which is of the same network and the same number of classes.
  private static func vector(
    ofCheckpoint directory: String, train: Topology.Train, layout: ParameterLayout, initial: AlignedBuffer
  ) throws(NetworkError) -> AlignedBuffer {
    do {
      let checkpoint = try Checkpoint(directory: directory)
      let network = checkpoint.manifest.settings["train.network"] ?? "another network"
      guard network == train.network else {
        throw PipelineError(.checkpoint, "\(directory): is of \(network), not \(train.network)")
      }
      let vector = try checkpoint.vector(elements: layout.count)
      defer { withExtendedLifetime((vector, initial)) {} }
      for segment in layout.segments where train.head == .new && segment.name.hasPrefix("fc.") {
        _ = UnsafeMutableBufferPointer(rebasing: vector.elements(Float.self)[segment.range])
          .update(fromContentsOf: initial.elements(Float.self)[segment.range])
      }
      return vector
    } catch {
      throw NetworkError(.mismatchedWeights, "\(error)", underlying: error)
    }
  }

  private static func check(
    _ metadata: [String: String], labels: [String]?, file: String
  ) throws(NetworkError) {
    guard let labels, let text = metadata["labels"],
      let own = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), own != labels
    else { return }
    let place = zip(own, labels).enumerated().first { $0.element.0 != $0.element.1 }
    let example = place.map { ", number \($0.offset) is \($0.element.0), not \($0.element.1)" } ?? ""
    throw NetworkError(
      .mismatchedWeights,
      "\(file): its labels are not the corpus'\(example); give `train.head: new` for a new classifier.")
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
