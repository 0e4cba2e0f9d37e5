internal import Tensors

/// Weights files: the flat vector as safetensors with torchvision's names, so that `load_state_dict(strict=True)` takes them.
package enum Weights {
  /// What becomes of the classifier when weights are loaded.
  package enum Head: String, Sendable {
    /// It comes from the file, which must have as many classes.
    case keep
    /// It stays as it is in the vector; the file's is ignored.
    case new
  }

  /// Writes parameters, running statistics and `num_batches_tracked` (0, which torchvision's loader wants), at once or not at all.
  ///
  /// - Parameters:
  ///   - vector: `layout.count` elements.
  ///   - metadata: what `evaluate` and `predict` take their defaults from (network, width, label names, frames, …).
  package static func save<Scalar: NetworkScalar>(
    _ vector: UnsafeBufferPointer<Scalar>, layout: ParameterLayout, metadata: [String: String], to path: String
  ) throws(NetworkError) {
    try check(vector.count, layout)
    try Safetensors.write(tensors(vector, layout: layout), metadata: metadata, to: path)
  }

  /// Every tensor of the vector under its name, and `num_batches_tracked`.
  package static func tensors<Scalar: NetworkScalar>(
    _ vector: UnsafeBufferPointer<Scalar>, layout: ParameterLayout
  ) -> [Safetensors.Tensor] {
    var tensors: [Safetensors.Tensor] = []
    for segment in layout.segments {
      let buffer = AlignedBuffer(byteCount: segment.count * MemoryLayout<Scalar>.stride)
      _ = buffer.elements(Scalar.self).update(fromContentsOf: vector[segment.range])
      tensors.append(
        Safetensors.Tensor(
          name: segment.name, elementType: Scalar.elementType, dimensions: segment.shape, buffer: buffer))
    }
    for name in trackedNames(layout) {
      let buffer = AlignedBuffer(byteCount: 8)
      buffer.elements(Int64.self)[0] = 0
      tensors.append(Safetensors.Tensor(name: name, elementType: .int64, dimensions: [], buffer: buffer))
    }
    return tensors
  }

  /// Reads a weights file of `definition` into a vector of `layout.count` elements; float32 or float64, converted.
  ///
  /// The vector is written only if everything fits; padding is zeroed.
  /// - Parameter inflate: kernels of one frame are repeated along the T frames of the network's and divided by T, as a
  ///   network on single frames becomes one on clips (paper.md section 1).
  /// - Returns: the file's metadata.
  /// - Throws: one error that lists every missing, unexpected and misshapen tensor.
  @discardableResult
  package static func load<Scalar: NetworkScalar>(
    _ path: String, layout: ParameterLayout, definition: NetworkDefinition, head: Head = .keep,
    inflate: Bool = false, into vector: UnsafeMutableBufferPointer<Scalar>
  ) throws(NetworkError) -> [String: String] {
    try check(vector.count, layout)
    let (tensors, metadata) = try Safetensors.read(path)
    defer { withExtendedLifetime(tensors) {} }
    let wanted = layout.segments.filter { head == .keep || !$0.name.hasPrefix("fc.") }
    var found: [String: Safetensors.Tensor] = [:]
    for tensor in tensors where head == .keep || !tensor.name.hasPrefix("fc.") { found[tensor.name] = tensor }
    if inflate {
      for segment in wanted { found[segment.name] = found[segment.name]?.inflated(to: segment.shape) }
    }
    try compare(found, wanted, tracked: trackedNames(layout), path: path, definition: definition)

    let head = layout.segments.filter { $0.name.hasPrefix("fc.") && found[$0.name] == nil }
      .map { ($0, Array(vector[$0.range])) }
    vector.update(repeating: 0)
    for segment in wanted {
      guard let tensor = found[segment.name] else { continue }
      let target = UnsafeMutableBufferPointer(rebasing: vector[segment.range])
      if tensor.elementType == .float32 {
        for (index, value) in tensor.buffer.elements(Float.self).enumerated() { target[index] = Scalar(value) }
      } else {
        for (index, value) in tensor.buffer.elements(Double.self).enumerated() { target[index] = Scalar(value) }
      }
    }
    for (segment, values) in head { _ = vector[segment.range].update(fromContentsOf: values) }
    return metadata
  }

  private static func check(_ count: Int, _ layout: ParameterLayout) throws(NetworkError) {
    guard count == layout.count else {
      throw NetworkError(.invalidInput, "The network's vector has \(layout.count) elements, not \(count).")
    }
  }

  private static func trackedNames(_ layout: ParameterLayout) -> [String] {
    layout.segments.filter { $0.role == .runningMean }
      .map { $0.name.replacing("running_mean", with: "num_batches_tracked") }
  }

  private static func compare(
    _ found: [String: Safetensors.Tensor], _ wanted: [ParameterLayout.Segment], tracked: [String], path: String,
    definition: NetworkDefinition
  ) throws(NetworkError) {
    var problems: [String] = []
    let missing = wanted.map(\.name).filter { found[$0] == nil }
    if !missing.isEmpty { problems.append("missing: \(missing.joined(separator: ", "))") }
    let known = Set(wanted.map(\.name) + tracked)
    let unexpected = found.keys.filter { !known.contains($0) }.sorted()
    if !unexpected.isEmpty { problems.append("unexpected: \(unexpected.joined(separator: ", "))") }
    let misshapen = wanted.compactMap { segment -> String? in
      guard let tensor = found[segment.name] else { return nil }
      if tensor.elementType != .float32 && tensor.elementType != .float64 {
        return "\(segment.name) holds \(tensor.elementType), not floats"
      }
      return tensor.dimensions == segment.shape ? nil : "\(segment.name) \(tensor.dimensions), not \(segment.shape)"
    }
    if !misshapen.isEmpty { problems.append("misshapen: \(misshapen.joined(separator: ", "))") }
    guard problems.isEmpty else {
      throw NetworkError(
        .mismatchedWeights,
        "\(path) does not fit \(definition.name) of width \(definition.width) with \(definition.classes) classes; "
          + problems.joined(separator: "; ") + ".")
    }
  }
}
