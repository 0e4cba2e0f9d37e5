internal import Glibc

/// From luma to a hash.
package enum FrameTransform: Sendable {
  /// Side of the square that a region is averaged to.
  static let side = 32
  /// A region whose luma deviates less from its mean has no structure to tell it by: black frames, fades.
  static let leastDeviation: Float = 4

  /// (vertical, horizontal) frequencies in the order of the bits: zigzag from the lowest, without the mean.
  private static let order: [(v: Int, u: Int)] = {
    var order: [(v: Int, u: Int)] = []
    var sum = 1
    while order.count < 256 {
      for place in 0...sum { order.append((place, sum - place)) }
      sum += 1
    }
    return Array(order.prefix(256))
  }()

  private static let frequencies = 1 + order.reduce(0) { max($0, $1.v, $1.u) }

  static let mirrorMask = pack { !order[$0].u.isMultiple(of: 2) }

  /// cos(π/side · (x + ½) · f), (frequencies, side).
  private static let cosines: [Float] = (0..<frequencies).flatMap { frequency in
    (0..<side).map { x in Float(cos(Double.pi * Double((2 * x + 1) * frequency) / Double(2 * side))) }
  }

  /// - Parameter luma: (height, width), uint8, contiguous.
  /// - Returns: nil for a region without structure.
  package static func hash(_ luma: UnsafeRawBufferPointer, height: Int, width: Int, region: FrameRegion) -> FrameHash? {
    let side = side
    let patch = average(luma, height: height, width: width, region: region)
    let mean = patch.reduce(0, +) / Float(patch.count)
    let variance = patch.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(patch.count)
    guard variance > leastDeviation * leastDeviation else { return nil }
    // (frequencies, side): the rows' transform; then one sum for each bit.
    var rows = [Float](repeating: 0, count: frequencies * side)
    return cosines.withUnsafeBufferPointer { cosines in
      for u in 0..<frequencies {
        for y in 0..<side {
          var sum: Float = 0
          for x in 0..<side { sum += patch[y * side + x] * cosines[u * side + x] }
          rows[u * side + y] = sum
        }
      }
      return pack { bit in
        let (v, u) = order[bit]
        var sum: Float = 0
        for y in 0..<side { sum += rows[u * side + y] * cosines[v * side + y] }
        return sum < 0
      }
    }
  }

  private static func pack(_ bit: (Int) -> Bool) -> FrameHash {
    let words = (0..<4).map { word in
      (0..<64).reduce(UInt64(0)) { $0 | (bit(word * 64 + $1) ? 1 << UInt64($1) : 0) }
    }
    return FrameHash(words[0], words[1], words[2], words[3])
  }

  /// Means over the cells of a grid of `side` x `side` on the region, (side, side); a cell has at least one pixel.
  private static func average(
    _ luma: UnsafeRawBufferPointer, height: Int, width: Int, region: FrameRegion
  ) -> [Float] {
    let rows = edges(region.rows, of: height)
    let columns = edges(region.columns, of: width)
    var patch = [Float](repeating: 0, count: side * side)
    for y in 0..<side {
      for x in 0..<side {
        var sum = 0
        for row in rows[y]..<max(rows[y + 1], rows[y] + 1) {
          for column in columns[x]..<max(columns[x + 1], columns[x] + 1) { sum += Int(luma[row * width + column]) }
        }
        let count = max(rows[y + 1] - rows[y], 1) * max(columns[x + 1] - columns[x], 1)
        patch[y * side + x] = Float(sum) / Float(count)
      }
    }
    return patch
  }

  private static func edges(_ range: ClosedRange<Float>, of count: Int) -> [Int] {
    (0...side).map { cell in
      let part = range.lowerBound + (range.upperBound - range.lowerBound) * Float(cell) / Float(side)
      return min(Int((part * Float(count)).rounded()), cell < side ? count - 1 : count)
    }
  }
}
