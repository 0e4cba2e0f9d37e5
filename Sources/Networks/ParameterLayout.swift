internal import Tensors

/// Where every parameter and BN running statistic lies in one flat vector.
///
/// Names and element order are torchvision's, in construction order: first all parameters, then all running means and
/// variances. Every segment starts at a multiple of 16 elements; the padding between them is zero, always.
package struct ParameterLayout: Sendable, Equatable {
  /// One tensor of the vector.
  package struct Segment: Sendable, Equatable {
    package let name: String
    /// torchvision's shape, such as (O, I, kT, kH, kW).
    package let shape: [Int]
    package let role: Role
    /// First element in the vector, a multiple of 16.
    package let offset: Int
    /// Number of elements, without padding.
    package let count: Int

    /// Where the segment lies in the vector.
    package var range: Range<Int> { offset..<offset + count }
  }

  /// How a segment is updated.
  package enum Role: UInt8, Sendable {
    /// Decayed: convolution and classifier weights, BN gammas.
    case weight
    /// Not decayed: BN betas and the classifier's bias.
    case bias
    /// Averaged: 0.9 · running + 0.1 · batch mean.
    case runningMean
    /// Averaged likewise, from the unbiased batch variance.
    case runningVariance
  }

  package let segments: [Segment]
  /// Elements of the vector, padding included.
  package let count: Int

  static let alignment = 16

  /// The layout of a definition; it does not depend on the size of clips.
  package init(_ definition: NetworkDefinition) throws(NetworkError) {
    self.init(try Architecture(definition, frames: 8, height: 112, width: 112))
  }

  /// One weight of so many elements, for benchmarks.
  package init(elements: Int) {
    segments = [Segment(name: "weight", shape: [elements], role: .weight, offset: 0, count: elements)]
    count = elements
  }

  init(_ architecture: Architecture) {
    var segments: [Segment] = []
    var end = 0
    func append(_ name: String, _ shape: [Int], _ role: Role) {
      let count = shape.reduce(1, *)
      segments.append(Segment(name: name, shape: shape, role: role, offset: end, count: count))
      end = (end + count + Self.alignment - 1) / Self.alignment * Self.alignment
    }
    let units = architecture.convolutions
    for unit in units {
      let shape = unit.shape
      append(
        "\(unit.name).weight",
        [shape.outChannels, shape.inChannels, shape.kernel.frames, shape.kernel.height, shape.kernel.width], .weight)
      append("\(unit.normalizationName).weight", [shape.outChannels], .weight)
      append("\(unit.normalizationName).bias", [shape.outChannels], .bias)
    }
    append("fc.weight", [architecture.definition.classes, architecture.features], .weight)
    append("fc.bias", [architecture.definition.classes], .bias)
    for unit in units {
      append("\(unit.normalizationName).running_mean", [unit.shape.outChannels], .runningMean)
      append("\(unit.normalizationName).running_var", [unit.shape.outChannels], .runningVariance)
    }
    self.segments = segments
    count = end
  }

  /// Index of the first segment that ends after `element`; `segments.endIndex` if none does.
  func firstSegment(endingAfter element: Int) -> Int {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].range.upperBound > element { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The segment of that name.
  package func segment(named name: String) -> Segment? { segments.first { $0.name == name } }
}
