/// A network of the family by name, number of classes and width.
package struct NetworkDefinition: Sendable, Equatable {
  package let name: String
  package let classes: Int
  package let width: Double

  let preset: NetworkPreset

  /// The names `init` accepts.
  package static var names: [String] { NetworkPreset.all.map(\.name) }

  /// - Parameters:
  ///   - name: one of `names`.
  ///   - classes: outputs of the classifier, in 1...1,000,000.
  ///   - width: factor on every channel count of the full network, in (0, 4]; 1 is the paper's.
  package init(name: String, classes: Int, width: Double = 1) throws(NetworkError) {
    guard let preset = NetworkPreset.all.first(where: { $0.name == name }) else {
      throw NetworkError(
        .invalidDefinition,
        "Unknown network '\(name)'; choose one of \(Self.names.joined(separator: ", ")).")
    }
    guard (1...1_000_000).contains(classes) else {
      throw NetworkError(.invalidDefinition, "A network needs 1 to 1000000 classes, not \(classes).")
    }
    guard width > 0, width <= 4 else {
      throw NetworkError(.invalidDefinition, "The width \(width) is not in (0, 4]; 1 is the full network.")
    }
    self.name = name
    self.classes = classes
    self.width = width
    self.preset = preset
  }

  /// Whether training on batches of such square clips is possible.
  package func checkTraining(batch: Int, frames: Int, size: Int) throws(NetworkError) {
    try Architecture(self, frames: frames, height: size, width: size).checkStatistics(clips: batch)
  }

  /// Counts for clips of `frames` frames of `size` x `size` pixels.
  package func describe(frames: Int, size: Int) throws(NetworkError) -> NetworkDescription {
    let architecture = try Architecture(self, frames: frames, height: size, width: size)
    let layout = ParameterLayout(architecture)
    let trained = layout.segments.filter { $0.role == .weight || $0.role == .bias }
    let products = trained.filter { $0.shape.count > 1 }
    return NetworkDescription(
      network: name,
      parameters: trained.reduce(0) { $0 + $1.count },
      convolutionAndFCWeights: products.reduce(0) { $0 + $1.count },
      gmacs: Double(architecture.multiplyAdds) / 1e9,
      tensors: layout.segments.count + architecture.convolutions.count)
  }
}

/// What `net describe` prints.
package struct NetworkDescription: Sendable, Equatable, Encodable {
  package let network: String
  /// Weights, biases and BN gammas and betas.
  package let parameters: Int
  package let convolutionAndFCWeights: Int
  /// Multiply-adds of one clip's forward pass, in units of 10^9.
  package let gmacs: Double
  /// Entries of torchvision's state dict, `num_batches_tracked` included.
  package let tensors: Int

  enum CodingKeys: String, CodingKey {
    case network, parameters
    case convolutionAndFCWeights = "convolution_and_fc_weights"
    case gmacs, tensors
  }
}
