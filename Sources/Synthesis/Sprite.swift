/// An object's picture: `side` x `side` texels of Y, U, V (BT.601, limited range) and opacity.
struct Sprite: Sendable {
  /// Texels in each direction.
  static let side = 192

  /// Row after row, `side` * `side` texels.
  let texels: [SIMD4<UInt8>]

  /// Rasterises `noun`, its colours multiplied by `tint` (about 1), with 2 x 2 samples a texel.
  init(noun: Noun, tint: SIMD3<Float>) {
    let colours = noun.colours
    let base = Self.yuv(rgb: colours.base * tint)
    let mark = Self.yuv(rgb: colours.mark * tint)
    let scale = 2 / Float(Self.side)
    texels = Array(unsafeUninitializedCapacity: Self.side * Self.side) { out, count in
      for row in 0..<Self.side {
        for column in 0..<Self.side {
          var covered: Float = 0
          var marked: Float = 0
          for sample in 0..<4 {
            let x = (Float(column) + 0.25 + 0.5 * Float(sample & 1)) * scale - 1
            let y = (Float(row) + 0.25 + 0.5 * Float(sample >> 1)) * scale - 1
            guard noun.contains(x, y) else { continue }
            covered += 1
            if noun.isMarked(x, y) { marked += 1 }
          }
          let share = covered > 0 ? marked / covered : 0
          // Light from above rounds the object off.
          let shade = 1.08 - 0.2 * Float(row) / Float(Self.side)
          var colour = base + (mark - base) * share
          colour.x = min(235, max(16, (colour.x - 16) * shade + 16))
          out.initializeElement(
            at: row * Self.side + column,
            to: [UInt8(colour.x), UInt8(colour.y), UInt8(colour.z), UInt8(covered * 63.75)])
        }
      }
      count = Self.side * Self.side
    }
  }

  /// A plain plate with horizontal slats, grey with a little of `tint`: what covers an object.
  init(plateWithTint tint: SIMD3<Float>) {
    let colour = Self.yuv(rgb: SIMD3(120, 116, 112) * tint)
    let dark = Self.yuv(rgb: SIMD3(92, 90, 88) * tint)
    texels = (0..<Self.side * Self.side).map { place in
      let slat = (place / Self.side / 16) % 2 == 0 ? colour : dark
      return [UInt8(slat.x), UInt8(slat.y), UInt8(slat.z), 255]
    }
  }

  /// BT.601 limited range from RGB in 0...255 (clamped), ITU-R BT.601-7 section 2.5.
  static func yuv(rgb: SIMD3<Float>) -> SIMD3<Float> {
    let c = rgb.clamped(lowerBound: .zero, upperBound: SIMD3(repeating: 255)) / 255
    let luma = 0.299 * c.x + 0.587 * c.y + 0.114 * c.z
    return [16 + 219 * luma, 128 + 224 * (c.z - luma) / 1.772, 128 + 224 * (c.x - luma) / 1.402]
  }
}

extension UnsafeMutableBufferPointer {
  fileprivate func initializeElement(at index: Int, to value: Element) {
    (baseAddress! + index).initialize(to: value)
  }
}
