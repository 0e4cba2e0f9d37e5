/// A periodic texture of muted colours: luma of `side` x `side` samples and chroma of half that, U and V apart.
///
/// Rows are repeated sideways by `padding` samples, so that a frame's row is contiguous wherever it starts.
struct BackgroundTexture: Sendable {
  /// Period of the luma in samples, a power of two; chroma has half of it.
  static let side = 512

  /// Samples from one row to the next, luma; half of it for chroma.
  let stride: Int
  private(set) var luma: [UInt8]
  private(set) var u: [UInt8]
  private(set) var v: [UInt8]

  /// - Parameter width: the frame's width, so that every row can be read from any start.
  init(key: UInt64, width: Int) {
    var random = RandomSource(key, 0xBAC6)
    let side = Self.side
    stride = side + (width + 2 + 15) / 16 * 16
    let level = random.uniform(70...150)
    let contrast = random.uniform(22...46)
    let coarse = random.pick([2, 3, 4])
    var field = [Float](repeating: 0, count: side * side)
    Self.addNoise(to: &field, side: side, cells: 1 << coarse, amplitude: 0.6, using: &random)
    Self.addNoise(to: &field, side: side, cells: 4 << coarse, amplitude: 0.45, using: &random)
    Self.addNoise(to: &field, side: side, cells: 16 << coarse, amplitude: 0.25, using: &random)
    Self.addPattern(to: &field, side: side, using: &random)
    luma = Self.quantised(field, side: side, stride: stride, level: level, contrast: contrast)

    let half = side / 2
    let warmth = (random.uniform(-10...10), random.uniform(-10...10))
    var uField = [Float](repeating: 0, count: half * half)
    var vField = uField
    Self.addNoise(to: &uField, side: half, cells: 1 << coarse, amplitude: 1, using: &random)
    Self.addNoise(to: &vField, side: half, cells: 1 << coarse, amplitude: 1, using: &random)
    u = Self.quantised(uField, side: half, stride: stride / 2, level: 128 + warmth.0, contrast: 9)
    v = Self.quantised(vField, side: half, stride: stride / 2, level: 128 + warmth.1, contrast: 9)
  }

  /// Value noise on a periodic lattice of `cells` x `cells`, bilinear with smoothstep weights, in ±`amplitude`.
  private static func addNoise(
    to field: inout [Float], side: Int, cells: Int, amplitude: Float, using random: inout RandomSource
  ) {
    let lattice = (0..<cells * cells).map { _ in random.uniform(-1...1) * amplitude }
    let cell = side / cells
    let weights = (0..<cell).map { place in
      let t = (Float(place) + 0.5) / Float(cell)
      return t * t * (3 - 2 * t)
    }
    field.withUnsafeMutableBufferPointer { out in
      lattice.withUnsafeBufferPointer { lattice in
        for y in 0..<side {
          let top = y / cell * cells
          let bottom = (y / cell + 1) % cells * cells
          let wy = weights[y % cell]
          for cellX in 0..<cells {
            let right = (cellX + 1) % cells
            let a = lattice[top + cellX] + (lattice[bottom + cellX] - lattice[top + cellX]) * wy
            let b = lattice[top + right] + (lattice[bottom + right] - lattice[top + right]) * wy
            let row = out.baseAddress! + y * side + cellX * cell
            for x in 0..<cell { row[x] += a + (b - a) * weights[x] }
          }
        }
      }
    }
  }

  /// Adds one of: nothing, stripes, checks, or a grid of thin lines; all repeat within `side`.
  private static func addPattern(to field: inout [Float], side: Int, using random: inout RandomSource) {
    let kind = random.index(below: 4)
    let shift = random.pick([4, 5, 6])
    let strength = random.uniform(0.15...0.4)
    let slope = random.pick([0, 1, 2])
    guard kind > 0 else { return }
    field.withUnsafeMutableBufferPointer { out in
      for y in 0..<side {
        for x in 0..<side {
          let isOn =
            switch kind {
            case 1: ((x &* slope &+ y) >> shift) & 1 == 1
            case 2: ((x >> shift) ^ (y >> shift)) & 1 == 1
            default: (x & (1 << shift - 1)) < 3 || (y & (1 << shift - 1)) < 3
            }
          out[y &* side &+ x] += isOn ? strength : -strength
        }
      }
    }
  }

  private static func quantised(
    _ field: [Float], side: Int, stride: Int, level: Float, contrast: Float
  ) -> [UInt8] {
    Array(unsafeUninitializedCapacity: side * stride) { out, count in
      field.withUnsafeBufferPointer { field in
        for y in 0..<side {
          for x in 0..<side {
            out[y &* stride &+ x] = UInt8(min(235, max(16, level + contrast * field[y &* side &+ x])))
          }
          for x in side..<stride { out[y &* stride &+ x] = out[y &* stride &+ x &- side] }
        }
      }
      count = side * stride
    }
  }
}
