/// Initial parameters, a pure function of layout and seed.
///
/// He (MSRA) initialisation with fan-out for convolutions, N(0, 0.01) for the classifier, gammas and running variances 1,
/// all else 0 (paper.md section 1; the classifier's rule is a setting the paper leaves open).
package enum Initializer {
  /// Fills `vector`, of `layout.count` elements, padding included.
  package static func initialize(
    _ layout: ParameterLayout, seed: UInt64, into vector: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(vector.count == layout.count, "a vector of the layout's size")
    vector.update(repeating: 0)
    for segment in layout.segments {
      let values = UnsafeMutableBufferPointer(rebasing: vector[segment.range])
      switch (segment.role, segment.shape.count) {
      case (.weight, 5):
        let fanOut = segment.shape[0] * segment.shape[2] * segment.shape[3] * segment.shape[4]
        fill(values, deviation: (2 / Double(fanOut)).squareRoot(), CounterGenerator(seed: seed, name: segment.name))
      case (.weight, 2):
        fill(values, deviation: 0.01, CounterGenerator(seed: seed, name: segment.name))
      case (.weight, _), (.runningVariance, _):
        values.update(repeating: 1)
      case (.bias, _), (.runningMean, _):
        break
      }
    }
  }

  private static func fill(
    _ values: UnsafeMutableBufferPointer<Float>, deviation: Double, _ generator: CounterGenerator
  ) {
    for index in values.indices {
      values[index] = Float(deviation * generator.normal(UInt64(index)))
    }
  }
}
