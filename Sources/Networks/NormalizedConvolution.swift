internal import Tensors

/// One convolution with its batch normalisation, and the memory both need.
///
/// Rows are output positions (N, T, H, W); C is the number of output channels.
final class NormalizedConvolution<Scalar: NetworkScalar> {
  let unit: Architecture.Unit
  let weight: ParameterLayout.Segment
  let gamma: ParameterLayout.Segment
  let beta: ParameterLayout.Segment
  let runningMean: ParameterLayout.Segment
  let runningVariance: ParameterLayout.Segment

  /// The convolution's output, before normalisation.
  let products: UnsafeMutablePointer<Scalar>
  /// Normalisation as one fused multiply-add: products · scale + offset.
  let scale: UnsafeMutablePointer<Scalar>
  let offset: UnsafeMutablePointer<Scalar>
  /// The coefficients of the backward pass: d products = a·g + b·(products − mean) + c.
  let mean: UnsafeMutablePointer<Scalar>
  let a: UnsafeMutablePointer<Scalar>
  let b: UnsafeMutablePointer<Scalar>
  let c: UnsafeMutablePointer<Scalar>
  /// What statistics are taken around: zeros.
  let shift: UnsafePointer<Scalar>
  /// Batch mean and 1 / sqrt(variance + epsilon), in double.
  let exactMean: UnsafeMutablePointer<Double>
  let inverseDeviation: UnsafeMutablePointer<Double>

  private let buffers: [AlignedBuffer]

  var channels: Int { unit.shape.outChannels }

  /// The products as the next convolution of a chain reads them: normalised and rectified.
  var normalized: ConvolutionInput<Scalar> {
    ConvolutionInput(normalizing: products, scale: scale, offset: offset)
  }

  /// - Parameters:
  ///   - products: in the arena, for a whole batch.
  ///   - named: finds a segment of the layout.
  init(
    _ unit: Architecture.Unit, products: UnsafeMutablePointer<Scalar>, named: (String) -> ParameterLayout.Segment
  ) {
    self.unit = unit
    weight = named("\(unit.name).weight")
    gamma = named("\(unit.normalizationName).weight")
    beta = named("\(unit.normalizationName).bias")
    runningMean = named("\(unit.normalizationName).running_mean")
    runningVariance = named("\(unit.normalizationName).running_var")

    let channels = unit.shape.outChannels
    let aligned = Self.alignedChannels(channels)
    let coefficients = AlignedBuffer(byteCount: 7 * aligned * MemoryLayout<Scalar>.stride)
    let exact = AlignedBuffer(byteCount: 2 * aligned * MemoryLayout<Double>.stride)
    self.products = products
    let first = coefficients.elements(Scalar.self).baseAddress!
    scale = first
    offset = first + aligned
    mean = first + 2 * aligned
    a = first + 3 * aligned
    b = first + 4 * aligned
    c = first + 5 * aligned
    exactMean = exact.elements(Double.self).baseAddress!
    inverseDeviation = exactMean + aligned
    (first + 6 * aligned).initialize(repeating: 0, count: aligned)
    shift = UnsafePointer(first + 6 * aligned)
    buffers = [coefficients, exact]
  }

  private static func alignedChannels(_ channels: Int) -> Int { (channels + 15) / 16 * 16 }

  /// The convolution's geometry for `count` clips.
  func shape(count: Int) -> ConvolutionShape {
    var shape = unit.shape
    shape.batch = count
    return shape
  }
}
