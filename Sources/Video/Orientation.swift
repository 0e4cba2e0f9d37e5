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

  /// Writes an image to the shown `out`, (height, width, 3).
  ///
  /// - Parameters:
  ///   - channels: first red, green and blue byte.
  ///   - pixelBytes: from one to the next in a row: 1 in planes, 3 in packed rows.
  ///   - stride: bytes from one row to the next.
  func interleave(
    _ channels: (red: UnsafePointer<UInt8>, green: UnsafePointer<UInt8>, blue: UnsafePointer<UInt8>), pixelBytes: Int,
    stride: Int, to out: UnsafeMutableRawBufferPointer, height: Int, width: Int
  ) {
    let xStep = (flipsX ? -1 : 1) * (isTransposed ? stride : pixelBytes)
    let yStep = (flipsY ? -1 : 1) * (isTransposed ? pixelBytes : stride)
    var row = (flipsX ? -xStep * (width - 1) : 0) + (flipsY ? -yStep * (height - 1) : 0)
    var to = out.baseAddress!
    for _ in 0..<height {
      var from = row
      for _ in 0..<width - 1 {
        // One store; its fourth byte is overwritten by the next pixel.
        let pixel =
          UInt32(channels.red[from]) | UInt32(channels.green[from]) << 8 | UInt32(channels.blue[from]) << 16
        to.storeBytes(of: pixel.littleEndian, as: UInt32.self)
        to += 3
        from += xStep
      }
      to.storeBytes(of: channels.red[from], as: UInt8.self)
      to.storeBytes(of: channels.green[from], toByteOffset: 1, as: UInt8.self)
      to.storeBytes(of: channels.blue[from], toByteOffset: 2, as: UInt8.self)
      to += 3
      row += yStep
    }
  }

  /// Writes a plane of a coded image to the shown `out`, (height, width).
  ///
  /// - Parameter stride: bytes from one row of the plane to the next.
  func copy(
    plane: UnsafePointer<UInt8>, stride: Int, to out: UnsafeMutableRawPointer, height: Int, width: Int
  ) {
    let xStep = (flipsX ? -1 : 1) * (isTransposed ? stride : 1)
    let yStep = (flipsY ? -1 : 1) * (isTransposed ? 1 : stride)
    var from = plane + (flipsX ? -xStep * (width - 1) : 0) + (flipsY ? -yStep * (height - 1) : 0)
    var to = out.assumingMemoryBound(to: UInt8.self)
    for _ in 0..<height {
      if xStep == 1 {
        UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: width)
      } else {
        for x in 0..<width { to[x] = from[x * xStep] }
      }
      from += yStep
      to += width
    }
  }
}
