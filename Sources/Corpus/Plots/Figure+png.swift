package import Video

extension Figure {
  /// Pixels a point.
  private static let scale = 2

  /// The figure as a PNG image of twice its width and height in pixels.
  package func png() throws(VideoError) -> [UInt8] {
    var raster = Raster(width: width * Self.scale, height: height * Self.scale)
    let scale = Double(Self.scale)
    for element in elements {
      switch element {
      case .line(let points, let color, let width):
        for (start, end) in zip(points, points.dropFirst()) {
          raster.line(
            from: Point(start.x * scale, start.y * scale), to: Point(end.x * scale, end.y * scale), color,
            width: width * scale)
        }
      case .text(let text, let point, let anchor):
        raster.text(text, at: Point(point.x * scale, point.y * scale), anchor)
      }
    }
    return try raster.rgb.withUnsafeBufferPointer { (bytes) throws(VideoError) in
      try PNG.encode(rgb: UnsafeRawBufferPointer(bytes), width: raster.width, height: raster.height)
    }
  }

  /// A white picture to draw on.
  private struct Raster {
    let width: Int
    let height: Int
    /// (height, width, 3).
    var rgb: [UInt8]

    init(width: Int, height: Int) {
      (self.width, self.height) = (width, height)
      rgb = Array(repeating: 255, count: width * height * 3)
    }

    /// A line with round ends; its edges are blended over a pixel.
    mutating func line(from start: Point, to end: Point, _ color: Color, width: Double) {
      let reach = width / 2 + 1
      let (dx, dy) = (end.x - start.x, end.y - start.y)
      let length = dx * dx + dy * dy
      let columns = Int(min(start.x, end.x) - reach)...Int(max(start.x, end.x) + reach)
      let rows = Int(min(start.y, end.y) - reach)...Int(max(start.y, end.y) + reach)
      for y in rows {
        for x in columns {
          let (px, py) = (Double(x) + 0.5 - start.x, Double(y) + 0.5 - start.y)
          let along = length > 0 ? min(max((px * dx + py * dy) / length, 0), 1) : 0
          let (ex, ey) = (px - along * dx, py - along * dy)
          let cover = min(max(width / 2 + 0.5 - (ex * ex + ey * ey).squareRoot(), 0), 1)
          if cover > 0 { blend(x, y, color, cover) }
        }
      }
    }

    private mutating func blend(_ x: Int, _ y: Int, _ color: Color, _ cover: Double) {
      guard (0..<width).contains(x), (0..<height).contains(y) else { return }
      let place = (y * width + x) * 3
      for (channel, value) in [color.red, color.green, color.blue].enumerated() {
        let old = Double(rgb[place + channel])
        rgb[place + channel] = UInt8((old + (Double(value) - old) * cover).rounded())
      }
    }

    /// Letters of 5 x 7 dots, each of two by two pixels.
    mutating func text(_ text: String, at point: Point, _ anchor: Anchor) {
      let dot = Figure.scale
      let advance = (DotFont.columns + 1) * dot
      let total = Double(text.count * advance - dot)
      let left: Double =
        switch anchor {
        case .start: point.x
        case .middle: point.x - total / 2
        case .end: point.x - total
        }
      let top = Int(point.y) - DotFont.rows * dot / 2
      for (index, character) in text.enumerated() {
        for (column, bits) in DotFont.columns(of: character).enumerated() {
          for row in 0..<DotFont.rows where bits >> row & 1 == 1 {
            for offset in 0..<dot * dot {
              let x = Int(left) + index * advance + column * dot + offset % dot
              blend(x, top + row * dot + offset / dot, .black, 1)
            }
          }
        }
      }
    }
  }
}
