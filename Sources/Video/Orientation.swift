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

  /// Writes an image of three planes to the shown `out`, (height, width, 3).
  func interleave(
    _ planes: (red: UnsafePointer<UInt8>, green: UnsafePointer<UInt8>, blue: UnsafePointer<UInt8>), stride: Int,
    to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) {
    let xStep = (flipsX ? -1 : 1) * (isTransposed ? stride : 1)
    let yStep = (flipsY ? -1 : 1) * (isTransposed ? 1 : stride)
    var row = (flipsX ? -xStep * (width - 1) : 0) + (flipsY ? -yStep * (height - 1) : 0)
    var to = out.baseAddress!
    let last = to + (height * width - 1) * 3
    for _ in 0..<height {
      var from = row
      for _ in 0..<width {
        let (red, green, blue) = (planes.red[from], planes.green[from], planes.blue[from])
        if to < last {
          // One store; its fourth byte is overwritten by the next.
          let pixel = UInt32(red) | UInt32(green) << 8 | UInt32(blue) << 16
          to.storeBytes(of: pixel.littleEndian, as: UInt32.self)
        } else {
          to.storeBytes(of: red, as: UInt8.self)
          to.storeBytes(of: green, toByteOffset: 1, as: UInt8.self)
          to.storeBytes(of: blue, toByteOffset: 2, as: UInt8.self)
        }
        to += 3
        from += xStep
      }
      row += yStep
    }
  }
}
