internal import Tensors

/// Batch normalisation over rows of channels: statistics, coefficients and reductions, in double.
///
/// Sums are taken from rows as a convolution writes them, part by part, and over the parts in order: the bits do not
/// depend on threads.
final class BatchNormalization<Scalar: NetworkScalar> {
  private let pool: WorkerPool
  private let epsilon: Double
  /// Of the layer at hand, and of the shortcut beside it.
  private let sums: ChannelSums
  private let shortcutSums: ChannelSums
  /// Five vectors of channels.
  private let vectors: UnsafeMutablePointer<Double>
  private let channelLimit: Int
  private let storage: AlignedBuffer

  /// - Parameter channelLimit: the largest number of channels normalised.
  init(channelLimit: Int, epsilon: Double, pool: WorkerPool) {
    self.pool = pool
    self.epsilon = epsilon
    self.channelLimit = channelLimit
    sums = ChannelSums(channelLimit: channelLimit)
    shortcutSums = ChannelSums(channelLimit: channelLimit)
    storage = AlignedBuffer(byteCount: 5 * channelLimit * MemoryLayout<Double>.stride)
    vectors = storage.elements(Double.self).baseAddress!
  }

  private func vector(_ index: Int) -> UnsafeMutablePointer<Double> { vectors + index * channelLimit }

  /// Takes the batch statistics of a layer's products while they are written.
  func statistics(of layer: NormalizedConvolution<Scalar>) -> RowsWritten {
    let (channels, sums, products, shift) = (layer.channels, sums, layer.products, layer.shift)
    sums.begin(channels)
    return { rows, part in
      let (sum, squares) = sums.part(part)
      Scalar.statistics(products + rows.lowerBound * channels, rows.count, channels, shift, sum, squares)
    }
  }

  /// Takes the sums of a layer's output gradient while it is written.
  /// - Parameter masked: whether a ReLU follows, whose mask is recomputed from the products.
  func gradientSums(
    of layer: NormalizedConvolution<Scalar>, _ outputGradient: UnsafePointer<Scalar>, masked: Bool,
    isShortcut: Bool = false
  ) -> RowsWritten {
    let (channels, products, mean) = (layer.channels, layer.products, layer.exactMean)
    let sums = isShortcut ? shortcutSums : sums
    let scale = masked ? UnsafePointer(layer.scale) : nil
    let offset = masked ? UnsafePointer(layer.offset) : nil
    sums.begin(channels)
    return { rows, part in
      let (sum, dot) = sums.part(part)
      let start = rows.lowerBound * channels
      Scalar.normalizeSums(
        outputGradient + start, products + start, rows.count, channels, scale, offset, mean, sum, dot)
    }
  }

  /// Sets scale and offset of `layer` from the running statistics in `parameters`.
  func prepareRunning(_ layer: NormalizedConvolution<Scalar>, parameters: UnsafePointer<Scalar>) {
    let channels = layer.channels
    let (gamma, beta, mean, variance) = (vector(0), vector(1), vector(2), vector(3))
    Scalar.widen(parameters + layer.gamma.offset, count: channels, to: gamma)
    Scalar.widen(parameters + layer.beta.offset, count: channels, to: beta)
    Scalar.widen(parameters + layer.runningMean.offset, count: channels, to: mean)
    Scalar.widen(parameters + layer.runningVariance.offset, count: channels, to: variance)
    for channel in 0..<channels {
      gamma[channel] /= (variance[channel] + epsilon).squareRoot()
      beta[channel] -= mean[channel] * gamma[channel]
    }
    Scalar.narrow(gamma, count: channels, to: layer.scale)
    Scalar.narrow(beta, count: channels, to: layer.offset)
  }

  /// Sets scale, offset, mean and deviation of `layer` from the statistics of its `rows` rows; the batch mean and the
  /// unbiased variance go to `gradient`, if given, in the places of the running statistics.
  func prepareBatch(
    _ layer: NormalizedConvolution<Scalar>, rows: Int, parameters: UnsafePointer<Scalar>,
    gradient: UnsafeMutablePointer<Scalar>?
  ) {
    let channels = layer.channels
    let (sum, squares, gamma, beta) = (vector(0), vector(1), vector(2), vector(3))
    sums.totals(sum, squares)
    Scalar.widen(parameters + layer.gamma.offset, count: channels, to: gamma)
    Scalar.widen(parameters + layer.beta.offset, count: channels, to: beta)
    let count = Double(rows)
    for channel in 0..<channels {
      let difference = sum[channel] / count
      let mean = Double(layer.shift[channel]) + difference
      let squared = max(squares[channel] / count - difference * difference, 0)
      // A NaN stays one: max(NaN, 0) is NaN or 0 by the order of its arguments.
      let variance = squares[channel].isNaN ? squares[channel] : squared
      let inverse = 1 / (variance + epsilon).squareRoot()
      layer.exactMean[channel] = mean
      layer.inverseDeviation[channel] = inverse
      gamma[channel] *= inverse
      beta[channel] -= mean * gamma[channel]
      sum[channel] = mean
      squares[channel] = rows > 1 ? variance * count / (count - 1) : variance
    }
    Scalar.narrow(gamma, count: channels, to: layer.scale)
    Scalar.narrow(beta, count: channels, to: layer.offset)
    Scalar.narrow(sum, count: channels, to: layer.mean)
    if let gradient {
      Scalar.narrow(sum, count: channels, to: gradient + layer.runningMean.offset)
      Scalar.narrow(squares, count: channels, to: gradient + layer.runningVariance.offset)
    }
  }

  /// d products from the gradient of the normalised output, whose sums were taken; d gamma and d beta go to `gradient`.
  /// - Parameters:
  ///   - masked: whether a ReLU follows, whose mask is recomputed from the products.
  ///   - result: may be `outputGradient`.
  func backward(
    _ layer: NormalizedConvolution<Scalar>, rows: Int, masked: Bool, parameters: UnsafePointer<Scalar>,
    outputGradient: UnsafeMutablePointer<Scalar>, gradient: UnsafeMutablePointer<Scalar>,
    result: UnsafeMutablePointer<Scalar>, isShortcut: Bool
  ) {
    let channels = layer.channels
    let products = UnsafePointer(layer.products)
    let scale = masked ? UnsafePointer(layer.scale) : nil
    let offset = masked ? UnsafePointer(layer.offset) : nil
    let (sum, dot, a, b, c) = (vector(0), vector(1), vector(2), vector(3), vector(4))
    (isShortcut ? shortcutSums : sums).totals(sum, dot)
    Scalar.widen(parameters + layer.gamma.offset, count: channels, to: a)
    for channel in 0..<channels {
      let inverse = layer.inverseDeviation[channel]
      a[channel] *= inverse
      b[channel] = -a[channel] * inverse * inverse * dot[channel] / Double(rows)
      c[channel] = -a[channel] * sum[channel] / Double(rows)
      dot[channel] *= inverse
    }
    Scalar.narrow(a, count: channels, to: layer.a)
    Scalar.narrow(b, count: channels, to: layer.b)
    Scalar.narrow(c, count: channels, to: layer.c)
    Scalar.narrow(dot, count: channels, to: gradient + layer.gamma.offset)
    Scalar.narrow(sum, count: channels, to: gradient + layer.beta.offset)
    pool.runRows(rows, channels) { range in
      let start = range.lowerBound * channels
      Scalar.normalizeBackward(
        outputGradient + start, products + start, range.count, channels, scale, offset, layer.mean, layer.a,
        layer.b, layer.c, result + start)
    }
  }
}

extension WorkerPool {
  /// Runs `body` over rows 0..<rows in blocks of about 2^15 elements; for element-wise work only.
  func runRows(_ rows: Int, _ channels: Int, _ body: (Range<Int>) -> Void) {
    runBlocks(of: max(1, (1 << 15) / channels), in: rows) { range, _ in body(range) }
  }
}
