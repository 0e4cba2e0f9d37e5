import Synthesis

/// What a red ball looks like in one rendered frame, measured on the V plane, where it alone is bright.
struct Observation {
  /// Number of chroma samples of the ball, centre of mass (downwards) and second moments, in samples.
  var area = 0.0
  var centreY = 0.0
  var varianceX = 0.0
  var varianceY = 0.0
  /// Height in samples from the first to the last row.
  var extentY = 0.0
  /// Largest V value.
  var peak = 0.0

  init(_ frame: PlanarFrame) {
    let width = frame.width / 2
    var (sumX, sumXX, sumY, sumYY) = (0.0, 0.0, 0.0, 0.0)
    var rows: (first: Int, last: Int)?
    for place in frame.v.indices {
      peak = max(peak, Double(frame.v[place]))
      guard frame.v[place] > 160 else { continue }
      let (x, y) = (Double(place % width), Double(place / width))
      area += 1
      (sumX, sumXX, sumY, sumYY) = (sumX + x, sumXX + x * x, sumY + y, sumYY + y * y)
      rows = (rows?.first ?? place / width, place / width)
    }
    guard area > 0, let rows else { return }
    centreY = sumY / area
    varianceX = sumXX / area - (sumX / area) * (sumX / area)
    varianceY = sumYY / area - centreY * centreY
    extentY = Double(rows.last - rows.first + 1)
  }

  /// The quantity that the law of `pair` moves. None has a side: a mirrored frame gives the same.
  func driven(by pair: MotionPair) -> Double {
    switch pair {
    case .elevation: -centreY
    case .size: area
    case .tilt: varianceX - varianceY
    case .separation: varianceX
    case .opening: varianceY
    case .cover: -area
    case .stretch: varianceY - varianceX
    case .brightness: peak
    }
  }

  /// The quantity of `pair` in every action frame of `scene` under `verb`.
  static func series(_ scene: Scene, _ verb: Verb) -> [Double] {
    let renderer = FrameRenderer(scene: scene, label: ActionLabel(verb: verb, noun: .ball))
    let frame = PlanarFrame(width: scene.width, height: scene.height)
    return scene.actionFrames.map { index in
      renderer.render(frame: index, into: frame)
      return Observation(frame).driven(by: verb.pair)
    }
  }
}

/// Largest distance between the empirical distribution functions of two samples (Kolmogorov-Smirnov).
func distributionDistance(_ a: [Double], _ b: [Double]) -> Double {
  let (a, b) = (a.sorted(), b.sorted())
  var (i, j) = (0, 0)
  var largest = 0.0
  while i < a.count, j < b.count {
    let value = min(a[i], b[j])
    while i < a.count, a[i] == value { i += 1 }
    while j < b.count, b[j] == value { j += 1 }
    largest = max(largest, abs(Double(i) / Double(a.count) - Double(j) / Double(b.count)))
  }
  return largest
}
