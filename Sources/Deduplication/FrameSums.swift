/// A picture's luma, summed so that means over any of its parts are quick to get.
package struct FrameSums: Sendable {
  /// A picture whose luma deviates less from its mean has no structure to tell it by: black frames, fades.
  private static let leastDeviation = 4.0
  /// By how many steps of luma a cell must be above those around it: even parts have no bits, not those of their noise.
  private static let leastDifference: Float = 0.5
  /// Cells to each side of one that its surroundings reach.
  private static let reach = 2

  private let height: Int
  private let width: Int
  /// Σ of the luma above and left of each corner, (height + 1, width + 1).
  private let sums: [Float]
  private let deviation: Double

  /// - Parameter luma: (height, width), uint8, contiguous; fewer than 2^16 pixels, so that sums are exact.
  package init(_ luma: UnsafeRawBufferPointer, height: Int, width: Int) {
    precondition(height * width < 1 << 16 && luma.count >= height * width)
    (self.height, self.width) = (height, width)
    var sums = [Float](repeating: 0, count: (height + 1) * (width + 1))
    var (all, squares) = (0, 0)
    for row in 0..<height {
      var line: Float = 0
      for column in 0..<width {
        let value = Int(luma[row * width + column])
        line += Float(value)
        all += value
        squares += value * value
        let corner = (row + 1) * (width + 1) + column + 1
        sums[corner] = sums[corner - width - 1] + line
      }
    }
    self.sums = sums
    let (count, mean) = (Double(height * width), Double(all) / Double(height * width))
    deviation = max(0, Double(squares) / count - mean * mean).squareRoot()
  }

  package var hasStructure: Bool { deviation > Self.leastDeviation }

  package func hash(_ region: FrameRegion) -> FrameHash {
    let (side, reach) = (FrameHash.side, Self.reach)
    let cells = means(region)
    // Beyond the edges the picture is continued as in a mirror.
    func inside(_ place: Int) -> Int { place < 0 ? -place : place < side ? place : 2 * side - 2 - place }
    return cells.withUnsafeBufferPointer { cells in
      withUnsafeTemporaryAllocation(of: SIMD2<Float>.self, capacity: side * side) { lines in
        // First along the rows, then along the columns: the smoothed cell, and the sum of those around it.
        for row in 0..<side {
          for column in 0..<side {
            func cell(_ offset: Int) -> Float { cells[row * side + inside(column + offset)] }
            var around: Float = 0
            for offset in -reach...reach { around += cell(offset) }
            lines[row * side + column] = SIMD2((cell(-1) + 2 * cell(0) + cell(1)) / 4, around)
          }
        }
        let count = Float((2 * reach + 1) * (2 * reach + 1))
        return FrameHash { bit in
          let (row, column) = (bit / side, bit % side)
          func line(_ offset: Int) -> SIMD2<Float> { lines[inside(row + offset) * side + column] }
          var around: Float = 0
          for offset in -reach...reach { around += line(offset).y }
          let smooth = (line(-1).x + 2 * line(0).x + line(1).x) / 4
          return smooth - around / count > Self.leastDifference
        }
      }
    }
  }

  /// Means over the cells of a grid on the region, (side, side); borders within pixels share them out.
  private func means(_ region: FrameRegion) -> [Float] {
    let side = FrameHash.side
    let rows = Self.borders(region.rows, of: height)
    let columns = Self.borders(region.columns, of: width)
    let corners = rows.map { row in columns.map { sum(above: row, leftOf: $0) } }
    let area = (rows[1].0 - rows[0].0) * (columns[1].0 - columns[0].0)
    return (0..<side * side).map { cell in
      let (row, column) = (cell / side, cell % side)
      return
        (corners[row + 1][column + 1] - corners[row][column + 1] - corners[row + 1][column] + corners[row][column])
        / area
    }
  }

  /// Positions of the side + 1 borders of a grid's cells, and the pixel that each is in.
  private static func borders(_ range: ClosedRange<Float>, of count: Int) -> [(Float, pixel: Int)] {
    (0...FrameHash.side).map { cell in
      let part = range.lowerBound + (range.upperBound - range.lowerBound) * Float(cell) / Float(FrameHash.side)
      let position = min(max(part * Float(count), 0), Float(count))
      return (position, min(Int(position), count - 1))
    }
  }

  private func sum(above row: (Float, pixel: Int), leftOf column: (Float, pixel: Int)) -> Float {
    let (down, right) = (row.0 - Float(row.pixel), column.0 - Float(column.pixel))
    let corner = row.pixel * (width + 1) + column.pixel
    let top = sums[corner] * (1 - right) + sums[corner + 1] * right
    let bottom = sums[corner + width + 1] * (1 - right) + sums[corner + width + 2] * right
    return top * (1 - down) + bottom * down
  }
}
