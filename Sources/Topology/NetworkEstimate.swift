/// The size of a network, close enough for a memory plan; `sluice net describe` counts exactly.
///
/// Sources of the shapes: R(2+1)D as in the authors' code (stem 45/64, M = floor(27·in·out / (9·in + 3·out))).
struct NetworkEstimate {
  private(set) var parameters = 0.0
  /// Elements of all convolution outputs for one clip.
  private(set) var activations = 0.0
  /// Elements of the largest convolution output for one clip.
  private(set) var largestActivation = 0.0

  private var time: Double
  private var side: Double
  private let isVolumetric: Bool
  private let isFlat: Bool

  /// - Parameters:
  ///   - frames: T of a clip.
  ///   - crop: its height and width.
  init(network: String, width: Double, frames: Int, crop: Int) {
    func scaled(_ channels: Double) -> Double { max(8, 8 * (channels * width / 8).rounded()) }
    let depth = network.split(separator: "-").dropFirst().first.flatMap { Int($0) } ?? 18
    isVolumetric = network.hasPrefix("r3d")
    isFlat = network.hasPrefix("r2d")
    time = Double(isFlat ? 1 : frames)
    side = (Double(crop) / 2).rounded(.up)
    let blocks =
      switch depth {
      case 10: [1, 1, 1, 1]
      case 34: [3, 4, 6, 3]
      case 101: [3, 4, 23, 3]
      case 152: [3, 8, 36, 3]
      default: [2, 2, 2, 2]
      }
    let isBottleneck = depth > 34
    let stem = max(4, (45 * width).rounded())
    layer(weights: 3 * stem * 49, outputs: stem)
    layer(weights: stem * scaled(64) * 3, outputs: scaled(64))
    var channels = scaled(64)
    for (stage, count) in blocks.enumerated() {
      if stage > 0 {
        time = isFlat ? 1 : (time / 2).rounded(.up)
        side = (side / 2).rounded(.up)
      }
      let inner = scaled([64, 128, 256, 512][stage])
      for _ in 0..<count {
        if isBottleneck {
          layer(weights: channels * inner, outputs: inner)
          convolution(from: inner, to: inner)
          layer(weights: inner * inner * 4, outputs: inner * 4)
          channels = inner * 4
        } else {
          convolution(from: channels, to: inner)
          convolution(from: inner, to: inner)
          channels = inner
        }
      }
    }
  }

  private mutating func convolution(from inputs: Double, to outputs: Double) {
    if isVolumetric || isFlat {
      layer(weights: inputs * outputs * (isFlat ? 9 : 27), outputs: outputs)
    } else {
      let middle = (27 * inputs * outputs / (9 * inputs + 3 * outputs)).rounded(.down)
      layer(weights: inputs * middle * 9, outputs: middle)
      layer(weights: middle * outputs * 3, outputs: outputs)
    }
  }

  private mutating func layer(weights: Double, outputs: Double) {
    parameters += weights + 4 * outputs
    let elements = outputs * time * side * side
    activations += elements
    largestActivation = max(largestActivation, elements)
  }
}
