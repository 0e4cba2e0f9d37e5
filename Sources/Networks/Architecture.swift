internal import Tensors

/// The layers of a definition for clips of one size, in the order torchvision constructs them.
///
/// N clips, T frames, H height, W width, C channels.
struct Architecture: Sendable {
  /// A convolution without bias, its batch normalisation, and whether a ReLU follows at once.
  struct Unit: Sendable {
    /// The prefix of `.weight` in torchvision's names.
    let name: String
    /// The prefix of the normalisation's tensors.
    let normalizationName: String
    /// For a batch of 1.
    let shape: ConvolutionShape
    let relu: Bool
  }

  /// A chain of units; as a residual block its input, through the shortcut if there is one, is added before the last ReLU.
  struct Block: Sendable {
    var units: [Unit]
    var shortcut: Unit?
    let isResidual: Bool
  }

  let definition: NetworkDefinition
  let input: Extent
  let blocks: [Block]
  /// Pooled features: the classifier's inputs.
  let features: Int

  /// Every convolution, in construction order.
  var convolutions: [Unit] { blocks.flatMap { $0.units + ($0.shortcut.map { [$0] } ?? []) } }

  /// The classifier as a convolution over a pooled 1x1x1 map.
  var classifier: ConvolutionShape {
    ConvolutionShape(
      batch: 1, input: Extent(1, 1, 1), inChannels: features, outChannels: definition.classes,
      kernel: Extent(1, 1, 1), stride: Extent(1, 1, 1), padding: Extent(0, 0, 0))
  }

  /// Multiply-adds of one clip's forward pass.
  var multiplyAdds: Int { convolutions.reduce(classifier.multiplyAdds) { $0 + $1.shape.multiplyAdds } }

  /// Where the last block's output lies.
  var output: Extent { blocks.last!.units.last!.shape.output }

  /// - Parameters: the clip's frames (1 to 1024), height and width (1 to 4096 pixels).
  init(_ definition: NetworkDefinition, frames: Int, height: Int, width: Int) throws(NetworkError) {
    guard (1...1024).contains(frames), (1...4096).contains(height), (1...4096).contains(width) else {
      throw NetworkError(
        .invalidInput,
        "Clips of \(frames) frames of \(height)x\(width) are out of range: 1 to 1024 frames, 1 to 4096 pixels.")
    }
    var builder = ArchitectureBuilder(definition, input: Extent(frames, height, width))
    blocks = builder.build()
    features = builder.channels
    input = Extent(frames, height, width)
    self.definition = definition
  }

  /// A variance needs two values of every channel.
  func checkStatistics(clips: Int) throws(NetworkError) {
    let smallest = convolutions.map(\.shape.outputRows).min()!
    guard clips * smallest > 1 else {
      throw NetworkError(
        .invalidInput,
        "One clip of \(input.frames) frames of \(input.height)x\(input.width) is too short and small to train "
          + "\(definition.name) on: its last stage has one value a channel, which has no variance; use a larger batch or "
          + "longer or larger clips.")
    }
  }
}
