/// A sprite's place in a frame; lengths in luma pixels.
struct SpritePart {
  var centreX: Float = 0
  var centreY: Float = 0
  var radiusX: Float = 1
  var radiusY: Float = 1
  /// Rotation in turns, clockwise on the screen.
  var turns: Float = 0
  /// Factor on luma and saturation.
  var brightness: Float = 1
  /// The sprite's rows that are drawn.
  var rows: Range<Int> = 0..<Sprite.side
  var isPlate = false

  /// Blends `sprite` over `frame`.
  func draw(_ sprite: Sprite, opacity: Float, into frame: PlanarFrame) {
    guard radiusX > 0.5, radiusY > 0.5 else { return }
    let opacity256 = UInt32(opacity * 256)
    sprite.texels.withUnsafeBufferPointer { texels in
      let brightness256 = UInt32(brightness * 256)
      let luma = Blend(plane: frame.y, width: frame.width, height: frame.height, step: 1)
      forEachPixel(of: luma) { pixel, texel in
        let colour = texels[texel]
        let alpha = Self.alpha(colour.w, opacity256)
        let value = min(235, 16 + ((UInt32(max(colour.x, 16)) - 16) &* brightness256) >> 8)
        pixel = Self.mix(pixel, value, alpha)
      }
      let saturation = Int32(min(brightness, 1) * 256)
      for (plane, lane) in [(frame.u, 1), (frame.v, 2)] {
        let chroma = Blend(plane: plane, width: frame.width / 2, height: frame.height / 2, step: 2)
        forEachPixel(of: chroma) { pixel, texel in
          let colour = texels[texel]
          let alpha = Self.alpha(colour.w, opacity256)
          let value = 128 + ((Int32(lane == 1 ? colour.y : colour.z) - 128) * saturation) >> 8
          pixel = Self.mix(pixel, UInt32(truncatingIfNeeded: value), alpha)
        }
      }
    }
  }

  /// A plane to draw on; `step` is the distance of its samples in luma pixels.
  private struct Blend {
    let plane: UnsafeMutableBufferPointer<UInt8>
    let width: Int
    let height: Int
    let step: Float
  }

  /// 0...256 from a texel's opacity and the object's.
  @inline(__always)
  private static func alpha(_ texel: UInt8, _ opacity256: UInt32) -> UInt32 {
    let alpha = UInt32(texel)
    return ((alpha &+ alpha >> 7) &* opacity256) >> 8
  }

  @inline(__always)
  private static func mix(_ below: UInt8, _ above: UInt32, _ alpha: UInt32) -> UInt8 {
    UInt8(truncatingIfNeeded: (UInt32(below) &* (256 &- alpha) &+ above &* alpha &+ 128) >> 8)
  }

  /// Calls `body` with each sample of the plane that a drawn texel falls on, and that texel's place.
  @inline(__always)
  private func forEachPixel(of target: Blend, _ body: (inout UInt8, Int) -> Void) {
    let (sine, cosine) = (Wave.sine(turns: turns), Wave.cosine(turns: turns))
    let reachX = abs(cosine) * radiusX + abs(sine) * radiusY
    let reachY = abs(sine) * radiusX + abs(cosine) * radiusY
    let left = Self.bound((centreX - reachX) / target.step, target.width)
    let right = Self.bound((centreX + reachX) / target.step + 1, target.width)
    let top = Self.bound((centreY - reachY) / target.step, target.height)
    let bottom = Self.bound((centreY + reachY) / target.step + 1, target.height)
    // Texel coordinates in 16.16 fixed point; a step to the right adds (columnStep, rowStep).
    let unit = Float(Sprite.side) / 2 * 65_536
    let columnStep = Int(cosine / radiusX * target.step * unit)
    let rowStep = Int(-sine / radiusY * target.step * unit)
    let firstRow = rows.lowerBound
    let rowCount = UInt(rows.count)
    for y in top..<max(top, bottom) {
      let dx = (Float(left) + 0.5) * target.step - centreX
      let dy = (Float(y) + 0.5) * target.step - centreY
      var column = Int(((cosine * dx + sine * dy) / radiusX + 1) * unit)
      var row = Int(((cosine * dy - sine * dx) / radiusY + 1) * unit)
      let line = target.plane.baseAddress! + y * target.width
      for x in left..<max(left, right) {
        let texelColumn = column >> 16
        let texelRow = row >> 16
        if UInt(bitPattern: texelColumn) < UInt(Sprite.side), UInt(bitPattern: texelRow &- firstRow) < rowCount {
          body(&line[x], texelRow &* Sprite.side &+ texelColumn)
        }
        column &+= columnStep
        row &+= rowStep
      }
    }
  }

  private static func bound(_ value: Float, _ limit: Int) -> Int {
    Int(min(Float(limit), max(0, value.rounded(.down))))
  }
}
