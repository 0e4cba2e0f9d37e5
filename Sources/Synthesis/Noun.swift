/// The objects of a collection, each with a shape, a colour and a texture of its own.
package enum Noun: String, CaseIterable, Sendable {
  case ball
  case kite
  case tent
  case box
  case leaf
  case heart
  case ring
  case star
  case flower
  case moon
  case lantern
  case drum
  case gear
  case umbrella

  /// The indefinite article before the noun.
  package var article: String { self == .umbrella ? "an" : "a" }

  /// Base colour and the colour of the texture's marks, RGB in 0...255.
  var colours: (base: SIMD3<Float>, mark: SIMD3<Float>) {
    switch self {
    case .ball: ([225, 35, 35], [250, 225, 215])
    case .kite: ([20, 190, 225], [15, 60, 150])
    case .star: ([250, 220, 30], [230, 150, 10])
    case .box: ([135, 80, 35], [85, 45, 15])
    case .leaf: ([55, 175, 45], [20, 95, 20])
    case .heart: ([250, 70, 165], [255, 170, 210])
    case .ring: ([35, 65, 220], [120, 150, 255])
    case .tent: ([250, 130, 20], [120, 50, 10])
    case .flower: ([160, 50, 215], [250, 225, 60])
    case .moon: ([245, 240, 215], [200, 190, 160])
    case .lantern: ([255, 175, 80], [160, 20, 20])
    case .drum: ([245, 245, 250], [25, 25, 35])
    case .gear: ([30, 35, 45], [95, 105, 120])
    case .umbrella: ([15, 150, 125], [215, 245, 215])
    }
  }

  /// Whether the point belongs to the object; `x` to the right, `y` down, the object within [-1, 1].
  func contains(_ x: Float, _ y: Float) -> Bool {
    let radius = (x * x + y * y).squareRoot()
    switch self {
    case .ball: return radius < 0.95
    case .kite: return abs(x) / 0.75 + abs(y + 0.1) / (y < -0.1 ? 0.8 : 1.05) < 1
    case .star: return radius < 1 && Self.star(x, y)
    case .box: return max(abs(x), abs(y)) < 0.82
    case .leaf: return abs(x) < 0.52 * (1 - y * y)
    case .heart: return Self.heart(x, y)
    case .ring: return radius < 0.96 && radius > 0.52
    case .tent: return y > -0.9 && y < 0.8 && abs(x) < 0.56 * (y + 0.9)
    case .flower: return radius < 0.68 + 0.28 * Self.lobes(x, y, count: 6)
    case .moon: return radius < 0.96 && (x - 0.5) * (x - 0.5) + (y + 0.2) * (y + 0.2) > 0.5
    case .lantern: return Self.lantern(x, y)
    case .drum: return abs(x) < 0.95 && abs(y) < 0.58
    case .gear: return radius < (Self.lobes(x, y, count: 8) > 0 ? 0.97 : 0.72) && radius > 0.2
    case .umbrella: return Self.umbrella(x, y)
    }
  }

  /// Whether the point carries the mark's colour. Marks break every rotational symmetry, so that turning is seen.
  func isMarked(_ x: Float, _ y: Float) -> Bool {
    let radius = (x * x + y * y).squareRoot()
    switch self {
    case .ball: return abs(y) < 0.2 || (x - 0.1) * (x - 0.1) + (y + 0.6) * (y + 0.6) < 0.04
    case .kite: return abs(x) < 0.09 || abs(y + 0.1) < 0.09
    case .star: return radius < 0.32 || y < -0.6
    case .box: return Wave.fraction(y * 1.5 + 0.1) < 0.3 || abs(x) > 0.68
    case .leaf: return abs(x) < 0.06 || Wave.fraction(y * 2.5 + abs(x)) < 0.2
    case .heart: return (x + 0.35) * (x + 0.35) + (y + 0.35) * (y + 0.35) < 0.06
    case .ring: return y < -0.3
    case .tent: return y > 0.1 && abs(x) < 0.42 * (y - 0.1)
    case .flower: return radius < 0.34 || (y > 0.3 && abs(x) < 0.1)
    case .moon: return (x + 0.6) * (x + 0.6) + (y - 0.1) * (y - 0.1) < 0.03
    case .lantern: return abs(y) > 0.66 || Wave.fraction(x * 2.5 + 0.5) < 0.16
    case .drum: return abs(y) > 0.4 || Wave.fraction(x * 2 + y * 0.8) < 0.22
    case .gear: return radius < 0.4 || (y < 0 && abs(x) < 0.1)
    case .umbrella: return y < 0.05 && Wave.fraction(x * 1.6 + 0.25) < 0.5
    }
  }

  /// Whether the point is inside a five-pointed star, one point up and at distance 1 from the centre.
  ///
  /// A pentagram is where at least four of the five half planes bounded by its edge lines hold; each line lies at
  /// cos(72°) from the centre, towards one of the points.
  private static func star(_ x: Float, _ y: Float) -> Bool {
    var largest: Float = -1
    var second: Float = -1
    for k in 0..<5 {
      let turns = Float(k) / 5
      let along = x * Wave.sine(turns: turns) - y * Wave.cosine(turns: turns)
      second = max(second, min(along, largest))
      largest = max(largest, along)
    }
    return second < 0.309_017
  }

  private static func heart(_ x: Float, _ y: Float) -> Bool {
    // (a² + b² - 1)³ - a²b³ < 0, the algebraic heart, scaled to fill the square.
    let a = x * 1.2
    let b = 0.12 - y * 1.15
    let core = a * a + b * b - 1
    return core * core * core - a * a * b * b * b < 0
  }

  private static func lantern(_ x: Float, _ y: Float) -> Bool {
    if abs(y) > 0.95 { return false }
    if abs(y) > 0.8 { return abs(x) < 0.3 }
    return abs(x) < 0.85 - 0.4 * abs(y)
  }

  private static func umbrella(_ x: Float, _ y: Float) -> Bool {
    if y <= 0.05 { return x * x + (y - 0.05) * (y - 0.05) < 0.92 }
    if abs(x) < 0.09 { return y < 0.95 }
    return y > 0.78 && y < 0.95 && x > -0.4 && x < 0
  }

  /// cos(`count`·angle) of the point's direction, one lobe up, by the Chebyshev recurrence.
  private static func lobes(_ x: Float, _ y: Float, count: Int) -> Float {
    let cosine = -y / max((x * x + y * y).squareRoot(), 1e-6)
    var previous: Float = 1
    var current = cosine
    for _ in 1..<count { (previous, current) = (current, 2 * cosine * current - previous) }
    return current
  }
}
