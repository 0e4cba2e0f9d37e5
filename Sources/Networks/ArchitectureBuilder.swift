internal import Tensors

/// Builds the blocks of an `Architecture`; the facts are those of VMZ's model builder and torchvision's `video/resnet.py`.
struct ArchitectureBuilder {
  private let definition: NetworkDefinition
  private let preset: NetworkPreset
  private let clipFrames: Int
  /// The map the next unit reads, and its channels.
  private var extent: Extent
  private(set) var channels = 3

  init(_ definition: NetworkDefinition, input: Extent) {
    self.definition = definition
    preset = definition.preset
    clipFrames = input.frames
    extent = input
  }

  mutating func build() -> [Architecture.Block] {
    var blocks = [stem()]
    for (stage, count) in preset.blocks.enumerated() {
      let width = 64 << stage
      for index in 0..<count {
        let stride = stage > 0 && index == 0 ? Extent(timeStride(stage: stage), 2, 2) : Extent(1, 1, 1)
        blocks.append(residual("layer\(stage + 1).\(index)", width: width, stride: stride))
      }
    }
    return blocks
  }

  /// A channel count of the full network at this width.
  private func scaled(_ channels: Int) -> Int {
    max(8, 8 * Int((Double(channels) * definition.width / 8).rounded()))
  }

  /// The stride in time of a stage's first block (stage 0 is conv2).
  ///
  /// Short clips keep their frames: conv4 does not stride in time below 4 frames, conv5 below 8.
  private func timeStride(stage: Int) -> Int {
    if preset.filter == .spatial { return 1 }
    if preset.followsTorchvision { return 2 }
    return switch stage {
    case 2: clipFrames < 4 ? 1 : 2
    case 3: clipFrames < 8 ? 1 : 2
    default: 2
    }
  }

  private mutating func stem() -> Architecture.Block {
    let outputs = scaled(64)
    let spatialStride = Extent(1, 2, 2)
    var units: [Architecture.Unit] = []
    switch preset.filter {
    case .factored:
      let middle = max(4, Int((45 * definition.width).rounded()))
      units.append(unit("stem.0", "stem.1", middle, Extent(1, 7, 7), spatialStride, relu: true))
      units.append(unit("stem.3", "stem.4", outputs, Extent(3, 1, 1), Extent(1, 1, 1), relu: true))
    case .full:
      units.append(unit("stem.0", "stem.1", outputs, Extent(3, 7, 7), spatialStride, relu: true))
    case .spatial:
      units.append(unit("stem.0", "stem.1", outputs, Extent(1, 7, 7), spatialStride, relu: true))
    }
    return Architecture.Block(units: units, shortcut: nil, isResidual: false)
  }

  private mutating func residual(_ name: String, width: Int, stride: Extent) -> Architecture.Block {
    let inputExtent = extent
    let inputs = channels
    let inner = scaled(width)
    let outputs = preset.isBottleneck ? scaled(width * 4) : inner
    var units: [Architecture.Unit] = []
    if preset.isBottleneck {
      let one = Extent(1, 1, 1)
      units.append(unit("\(name).conv1.0", "\(name).conv1.1", inner, one, one, relu: true))
      units += convolution("\(name).conv2", inner, stride: stride, middle: middle(inner, inner), relu: true)
      units.append(unit("\(name).conv3.0", "\(name).conv3.1", outputs, one, one, relu: false))
    } else {
      let first = middle(inputs, outputs)
      let second = preset.followsTorchvision ? first : middle(outputs, outputs)
      units += convolution("\(name).conv1", outputs, stride: stride, middle: first, relu: true)
      units += convolution(
        "\(name).conv2", outputs, stride: Extent(1, 1, 1), middle: second, relu: false)
    }
    var block = Architecture.Block(units: units, shortcut: nil, isResidual: true)
    if stride != Extent(1, 1, 1) || inputs != outputs {
      extent = inputExtent
      channels = inputs
      block.shortcut = unit(
        "\(name).downsample.0", "\(name).downsample.1", outputs, Extent(1, 1, 1), stride, relu: false)
    }
    return block
  }

  /// Channels between the two halves of a factored convolution, which give it as many weights as 3x3x3 has.
  private func middle(_ inputs: Int, _ outputs: Int) -> Int {
    27 * inputs * outputs / (9 * inputs + 3 * outputs)
  }

  /// A 3x3x3 convolution in this network's form.
  private mutating func convolution(
    _ name: String, _ outputs: Int, stride: Extent, middle: Int, relu: Bool
  ) -> [Architecture.Unit] {
    switch preset.filter {
    case .factored:
      let spatial = Extent(1, stride.height, stride.width)
      return [
        unit("\(name).0.0", "\(name).0.1", middle, Extent(1, 3, 3), spatial, relu: true),
        unit("\(name).0.3", "\(name).1", outputs, Extent(3, 1, 1), Extent(stride.frames, 1, 1), relu: relu),
      ]
    case .full:
      return [unit("\(name).0", "\(name).1", outputs, Extent(3, 3, 3), stride, relu: relu)]
    case .spatial:
      return [unit("\(name).0", "\(name).1", outputs, Extent(1, 3, 3), stride, relu: relu)]
    }
  }

  /// One convolution on the current map, padded by half its kernel; the map becomes its output.
  private mutating func unit(
    _ name: String, _ normalizationName: String, _ outputs: Int, _ kernel: Extent, _ stride: Extent, relu: Bool
  ) -> Architecture.Unit {
    let shape = ConvolutionShape(
      batch: 1, input: extent, inChannels: channels, outChannels: outputs, kernel: kernel, stride: stride,
      padding: Extent(kernel.frames / 2, kernel.height / 2, kernel.width / 2))
    extent = shape.output
    channels = outputs
    return Architecture.Unit(name: name, normalizationName: normalizationName, shape: shape, relu: relu)
  }
}
