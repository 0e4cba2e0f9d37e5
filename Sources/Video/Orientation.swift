import CLibAV

/// One of the eight ways to show a frame turned by steps of 90° or mirrored, from a stream's display matrix.
struct Orientation: Equatable {
  static let upright = Orientation(isTransposed: false, flipsX: false, flipsY: false)

  /// Rows of the shown frame are columns of the coded one.
  var isTransposed: Bool
  /// The coded frame is read from the right (after transposition: the shown frame's x runs backwards).
  var flipsX: Bool
  /// Likewise from the bottom.
  var flipsY: Bool

  init(isTransposed: Bool, flipsX: Bool, flipsY: Bool) {
    self.isTransposed = isTransposed
    self.flipsX = flipsX
    self.flipsY = flipsY
  }

  /// The nearest such way to what the stream's matrix says: (p, q) is shown at (a·p + c·q, b·p + d·q) plus an offset
  /// (libavutil/display.h).
  init(of stream: UnsafeMutablePointer<AVStream>) {
    guard let matrix = clibav_display_matrix(stream) else {
      self = .upright
      return
    }
    let (a, b, c, d) = (Int64(matrix[0]), Int64(matrix[1]), Int64(matrix[3]), Int64(matrix[4]))
    if abs(a) + abs(d) >= abs(b) + abs(c) {
      self.init(isTransposed: false, flipsX: a < 0, flipsY: d < 0)
    } else {
      self.init(isTransposed: true, flipsX: c < 0, flipsY: b < 0)
    }
  }

  /// Copies an image of packed RGB rows into the shown (height, width, 3).
  func copy(
    from source: UnsafeMutableRawPointer, stride: Int, to out: UnsafeMutableRawPointer, height: Int, width: Int
  ) {
    let xStep = isTransposed ? stride : 3
    let yStep = isTransposed ? 3 : stride
    for y in 0..<height {
      var from = source + (flipsY ? height - 1 - y : y) * yStep
      var to = out + y * width * 3
      if !isTransposed && !flipsX {
        to.copyMemory(from: from, byteCount: width * 3)
        continue
      }
      if flipsX { from += (width - 1) * xStep }
      let step = flipsX ? -xStep : xStep
      for _ in 0..<width {
        let pixel = from.assumingMemoryBound(to: UInt8.self)
        let shown = to.assumingMemoryBound(to: UInt8.self)
        shown[0] = pixel[0]
        shown[1] = pixel[1]
        shown[2] = pixel[2]
        from += step
        to += 3
      }
    }
  }
}
