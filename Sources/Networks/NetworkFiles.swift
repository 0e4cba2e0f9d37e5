internal import Tensors

/// A network run by hand on tensors in files: `net forward` and `net gradients`.
package struct NetworkFiles: Sendable {
  /// The network's name.
  package var name: String
  /// Weights with torchvision's names; classes, and the width if its metadata has it, come from there.
  package var weights: String
  /// A file with `clips` (N, 3, T, H, W), normalised, and for gradients `labels`: (N) of int64, or (N, classes) of int64
  /// or uint8 that are 1 for a clip's labels and 0 for others.
  package var input: String
  /// The file to write.
  package var output: String
  package var precision: Precision
  /// Overrides the weights' width.
  package var width: Double?
  package var threads: Int
  /// What gradients are of.
  package var loss: Loss
  /// Whether Winograd's transforms may be used.
  package var winograd: Bool

  package init(
    name: String, weights: String, input: String, output: String, precision: Precision = .float32,
    width: Double? = nil, threads: Int = 1, loss: Loss = .softmax(), winograd: Bool = true
  ) {
    self.name = name
    self.weights = weights
    self.input = input
    self.output = output
    self.precision = precision
    self.width = width
    self.threads = threads
    self.loss = loss
    self.winograd = winograd
  }

  /// Writes `logits` (N, classes), with running statistics or those of the batch.
  package func forward(batchStatistics: Bool) throws(NetworkError) {
    switch precision {
    case .float32, .mixed: try forward(batchStatistics, Float.self)
    case .float64: try forward(batchStatistics, Double.self)
    }
  }

  /// Writes `loss`, `logits`, `grad.<name>` and the updated `<name>.running_mean` and `<name>.running_var`.
  package func gradients() throws(NetworkError) {
    switch precision {
    case .float32, .mixed: try gradients(Float.self)
    case .float64: try gradients(Double.self)
    }
  }

  private func forward<Scalar: NetworkScalar>(_ batchStatistics: Bool, _: Scalar.Type) throws(NetworkError) {
    let job = try load(Scalar.self)
    let logits = try scoped(job) { (parameters, clips) throws(NetworkError) in
      try job.network.logits(
        parameters: parameters, normalizedClips: clips, count: job.count, mode: batchStatistics ? .train : .eval)
    }
    try Safetensors.write(
      [tensor("logits", [job.count, job.classes], logits)], metadata: ["network": name], to: output)
  }

  private func gradients<Scalar: NetworkScalar>(_: Scalar.Type) throws(NetworkError) {
    let job = try load(Scalar.self)
    guard let labels = job.labels else {
      throw NetworkError(
        .invalidInput,
        "\(input) needs a tensor 'labels' beside its clips: \(job.count) int64 values, or a row of \(job.classes) zeros and ones "
          + "for each.")
    }
    let layout = job.network.layout
    let storage = AlignedBuffer(byteCount: layout.count * MemoryLayout<Scalar>.stride)
    defer { withExtendedLifetime(storage) {} }
    let gradient = storage.elements(Scalar.self)
    let (result, logits) = try scoped(job) { (parameters, clips) throws(NetworkError) in
      try job.network.train(parameters: parameters, normalizedClips: clips, labels: labels, gradient: gradient)
    }
    var tensors = [
      tensor("loss", [], [Scalar(result.loss)]), tensor("logits", [job.count, job.classes], logits),
    ]
    for segment in layout.segments {
      var values = Array(gradient[segment.range])
      switch segment.role {
      case .weight, .bias:
        tensors.append(tensor("grad.\(segment.name)", segment.shape, values))
      case .runningMean, .runningVariance:
        for (index, batch) in values.enumerated() {
          let running = Double(job.parameters[segment.offset + index])
          values[index] = Scalar((1 - SGD.runningFraction) * running + SGD.runningFraction * Double(batch))
        }
        tensors.append(tensor(segment.name, segment.shape, values))
      }
    }
    try Safetensors.write(tensors, metadata: ["network": name], to: output)
  }
}

// MARK: - Files

extension NetworkFiles {
  /// What the files hold, and a network that fits.
  private struct Job<Scalar: NetworkScalar> {
    let network: Network<Scalar>
    let parameters: [Scalar]
    let clips: [Scalar]
    let count: Int
    let classes: Int
    let labels: [[Int]]?
  }

  private func scoped<Scalar, Result>(
    _ job: Job<Scalar>,
    _ body: (UnsafeBufferPointer<Scalar>, UnsafeBufferPointer<Scalar>) throws(NetworkError) -> Result
  ) throws(NetworkError) -> Result {
    try job.parameters.withUnsafeBufferPointer { (parameters) throws(NetworkError) in
      try job.clips.withUnsafeBufferPointer { (clips) throws(NetworkError) in try body(parameters, clips) }
    }
  }

  private func load<Scalar: NetworkScalar>(_: Scalar.Type) throws(NetworkError) -> Job<Scalar> {
    let inputs = try Safetensors.read(input).tensors
    guard let clips = inputs.first(where: { $0.name == "clips" }), clips.dimensions.count == 5,
      clips.dimensions[1] == 3, let values: [Scalar] = floats(clips), !values.isEmpty
    else {
      throw NetworkError(.invalidInput, "\(input) needs a tensor 'clips' of shape (N, 3, T, H, W) of float32.")
    }
    let shape = clips.dimensions
    let definition = try definition()
    let layout = try ParameterLayout(definition)
    var parameters = [Scalar](repeating: 0, count: layout.count)
    try parameters.withUnsafeMutableBufferPointer { (vector) throws(NetworkError) in
      _ = try Weights.load(weights, layout: layout, definition: definition, into: vector)
    }
    let network = try Network<Scalar>(
      definition, batch: shape[0], frames: shape[2], height: shape[3], width: shape[4], threads: threads,
      loss: loss, precision: precision, winograd: winograd)
    return Job(
      network: network, parameters: parameters, clips: values, count: shape[0], classes: definition.classes,
      labels: inputs.first { $0.name == "labels" }.flatMap {
        Self.labels($0, count: shape[0], classes: definition.classes)
      })
  }

  /// The labels of every clip; nil for a tensor of another shape or type.
  private static func labels(_ tensor: Safetensors.Tensor, count: Int, classes: Int) -> [[Int]]? {
    defer { withExtendedLifetime(tensor) {} }
    let values: [Int]
    switch tensor.elementType {
    case .int64: values = tensor.buffer.elements(Int64.self).map { Int($0) }
    case .uint8: values = tensor.buffer.elements(UInt8.self).map { Int($0) }
    case .float32, .float64, .bfloat16: return nil
    }
    if tensor.elementType == .int64, tensor.dimensions == [count] { return values.map { [$0] } }
    guard tensor.dimensions == [count, classes] else { return nil }
    return (0..<count).map { clip in (0..<classes).filter { values[clip * classes + $0] != 0 } }
  }

  /// The network the weights are of.
  private func definition() throws(NetworkError) -> NetworkDefinition {
    let (tensors, metadata) = try Safetensors.read(weights)
    guard let classes = tensors.first(where: { $0.name == "fc.weight" })?.dimensions.first else {
      throw NetworkError(
        .mismatchedWeights, "\(weights) has no tensor fc.weight: it is not a weights file in torchvision's names.")
    }
    return try NetworkDefinition(
      name: name, classes: classes, width: width ?? metadata["width"].flatMap(Double.init) ?? 1)
  }

  private func floats<Scalar: NetworkScalar>(_ tensor: Safetensors.Tensor) -> [Scalar]? {
    defer { withExtendedLifetime(tensor) {} }
    switch tensor.elementType {
    case .float32: return tensor.buffer.elements(Float.self).map { Scalar($0) }
    case .float64: return tensor.buffer.elements(Double.self).map { Scalar($0) }
    case .uint8, .int64, .bfloat16: return nil
    }
  }

  private func tensor<Scalar: NetworkScalar>(
    _ name: String, _ shape: [Int], _ values: [Scalar]
  ) -> Safetensors.Tensor {
    let buffer = AlignedBuffer(byteCount: values.count * MemoryLayout<Scalar>.stride)
    _ = buffer.elements(Scalar.self).update(fromContentsOf: values)
    return Safetensors.Tensor(name: name, elementType: Scalar.elementType, dimensions: shape, buffer: buffer)
  }
}
