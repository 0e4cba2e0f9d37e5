internal import Tensors

/// Batch normalisation over rows of channels: statistics, coefficients and reductions, in double.
///
/// Sums run over fixed chunks of rows, and over the chunks in order: the bits do not depend on threads.
final class BatchNormalization<Scalar: NetworkScalar> {
  private let pool: WorkerPool
  private let epsilon: Double
  private let channelLimit: Int
  /// Two sums a channel for each chunk of rows.
  private let partials: UnsafeMutablePointer<Double>
  /// Six vectors of channels: totals, parameters, results.
  private let vectors: UnsafeMutablePointer<Double>
  private let storage: AlignedBuffer

  private static var chunkLimit: Int { 32 }

  /// - Parameter channelLimit: the largest number of channels normalised.
  init(channelLimit: Int, epsilon: Double, pool: WorkerPool) {
    self.pool = pool
    self.epsilon = epsilon
    self.channelLimit = channelLimit
    storage = AlignedBuffer(byteCount: (2 * Self.chunkLimit + 6) * channelLimit * MemoryLayout<Double>.stride)
    vectors = storage.elements(Double.self).baseAddress!
    partials = vectors + 6 * channelLimit
  }

  private func vector(_ index: Int) -> UnsafeMutablePointer<Double> { vectors + index * channelLimit }

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

  /// Sets scale, offset, mean and deviation of `layer` from `rows` rows of its products; the batch mean and the unbiased
  /// variance go to `gradient`, if given, in the places of the running statistics.
  func prepareBatch(
    _ layer: NormalizedConvolution<Scalar>, rows: Int, parameters: UnsafePointer<Scalar>,
    gradient: UnsafeMutablePointer<Scalar>?
  ) {
    let channels = layer.channels
    let products = UnsafePointer(layer.products)
    // Sums of differences to the first row do not cancel when the mean is far from zero.
    reduce(rows: rows, channels: channels) { range, sum, squares in
      Scalar.statistics(products + range.lowerBound * channels, range.count, channels, products, sum, squares)
    }
    let (sum, squares, gamma, beta, shift) = (vector(0), vector(1), vector(2), vector(3), vector(4))
    Scalar.widen(products, count: channels, to: shift)
    Scalar.widen(parameters + layer.gamma.offset, count: channels, to: gamma)
    Scalar.widen(parameters + layer.beta.offset, count: channels, to: beta)
    let count = Double(rows)
    for channel in 0..<channels {
      let difference = sum[channel] / count
      let mean = shift[channel] + difference
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

  /// d products from the gradient of the normalised output, `outputGradient`; d gamma and d beta go to `gradient`.
  /// - Parameters:
  ///   - masked: whether a ReLU follows, whose mask is recomputed from the products.
  ///   - result: may be `outputGradient`.
  func backward(
    _ layer: NormalizedConvolution<Scalar>, rows: Int, masked: Bool, parameters: UnsafePointer<Scalar>,
    outputGradient: UnsafeMutablePointer<Scalar>, gradient: UnsafeMutablePointer<Scalar>,
    result: UnsafeMutablePointer<Scalar>
  ) {
    let channels = layer.channels
    let products = UnsafePointer(layer.products)
    let scale = masked ? UnsafePointer(layer.scale) : nil
    let offset = masked ? UnsafePointer(layer.offset) : nil
    reduce(rows: rows, channels: channels) { range, sum, dot in
      let start = range.lowerBound * channels
      Scalar.normalizeSums(
        outputGradient + start, products + start, range.count, channels, scale, offset, layer.exactMean, sum, dot)
    }
    let (sum, dot, a, b, c) = (vector(0), vector(1), vector(2), vector(3), vector(4))
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

  /// Two sums a channel over all rows, into vectors 0 and 1.
  private func reduce(
    rows: Int, channels: Int,
    _ body: (Range<Int>, _ sum: UnsafeMutablePointer<Double>, _ other: UnsafeMutablePointer<Double>) -> Void
  ) {
    let chunkRows = max(256, (rows + Self.chunkLimit - 1) / Self.chunkLimit)
    let chunks = (rows + chunkRows - 1) / chunkRows
    let partials = partials
    pool.run(chunks) { chunk, _ in
      let sums = partials + chunk * 2 * channels
      sums.update(repeating: 0, count: 2 * channels)
      body(chunk * chunkRows..<min(rows, (chunk + 1) * chunkRows), sums, sums + channels)
    }
    let (total, other) = (vector(0), vector(1))
    for channel in 0..<channels {
      var sums = (0.0, 0.0)
      for chunk in 0..<chunks {
        sums.0 += partials[chunk * 2 * channels + channel]
        sums.1 += partials[(chunk * 2 + 1) * channels + channel]
      }
      total[channel] = sums.0
      other[channel] = sums.1
    }
  }
}

extension WorkerPool {
  /// Runs `body` over rows 0..<rows in blocks of about 2^15 elements; for element-wise work only.
  func runRows(_ rows: Int, _ channels: Int, _ body: (Range<Int>) -> Void) {
    runBlocks(of: max(1, (1 << 15) / channels), in: rows) { range, _ in body(range) }
  }
}
