/// What tells one network of the family from another (paper section 3; VMZ's and torchvision's code).
struct NetworkPreset: Sendable, Equatable {
  enum Filter: Sendable {
    /// 1x3x3 to M channels, BN, ReLU, then 3x1x1: R(2+1)D.
    case factored
    /// 3x3x3: R3D.
    case full
    /// 1x3x3: R2D.
    case spatial
  }

  let name: String
  let filter: Filter
  /// Blocks of the stages conv2 to conv5.
  let blocks: [Int]
  /// 1x1x1, convolution, 1x1x1 (times 4), instead of two convolutions a block.
  let isBottleneck: Bool
  /// torchvision's variant: both convolutions of a block share the first one's M, BN epsilon is 1e-5, and every stage
  /// strides in time however short the clip is.
  let followsTorchvision: Bool

  init(
    _ name: String, _ filter: Filter, _ blocks: [Int], bottleneck: Bool = false, torchvision: Bool = false
  ) {
    self.name = name
    self.filter = filter
    self.blocks = blocks
    isBottleneck = bottleneck
    followsTorchvision = torchvision
  }

  /// Added to the variance under the root.
  var epsilon: Double { followsTorchvision ? 1e-5 : 1e-3 }

  static let all: [NetworkPreset] = [
    NetworkPreset("r2plus1d-10", .factored, [1, 1, 1, 1]),
    NetworkPreset("r2plus1d-18", .factored, [2, 2, 2, 2]),
    NetworkPreset("r2plus1d-34", .factored, [3, 4, 6, 3]),
    NetworkPreset("r2plus1d-101", .factored, [3, 4, 23, 3], bottleneck: true),
    NetworkPreset("r2plus1d-152", .factored, [3, 8, 36, 3], bottleneck: true),
    NetworkPreset("r2plus1d-18-torchvision", .factored, [2, 2, 2, 2], torchvision: true),
    NetworkPreset("r3d-18", .full, [2, 2, 2, 2]),
    NetworkPreset("r2d-18", .spatial, [2, 2, 2, 2]),
  ]
}
