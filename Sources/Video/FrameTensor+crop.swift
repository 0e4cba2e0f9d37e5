import Tensors

extension FrameTensor {
  /// Cuts a square out of some of the frames.
  ///
  /// - Parameters:
  ///   - range: of the frames.
  ///   - top: first row, within the frame with all of the square; even in planes, as are `left` and `side`.
  ///   - mirror: left and right change places.
  /// - Returns: `range.count` frames of `side` x `side` pixels, in the same format.
  package func cropped(frames range: Range<Int>, top: Int, left: Int, side: Int, mirror: Bool = false) -> FrameTensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= frames, "no such frames")
    precondition(top >= 0 && left >= 0 && top + side <= height && left + side <= width, "no such square")
    let result = FrameTensor(frames: range.count, height: side, width: side, format: format)
    for frame in range {
      var from = UnsafeRawPointer(buffer.bytes.baseAddress!) + frame * frameByteCount
      var to = result.buffer.bytes.baseAddress! + (frame - range.lowerBound) * result.frameByteCount
      switch format {
      case .rgb24:
        Self.crop(from + (top * width + left) * 3, width, to, side, pixelBytes: 3, mirror: mirror)
      case .yuv420p:
        precondition((top | left | side) & 1 == 0, "planes cut at an odd place")
        for (plane, divisor) in [1, 2, 2].enumerated() {
          let (stride, edge) = (width / divisor, side / divisor)
          Self.crop(from + top / divisor * stride + left / divisor, stride, to, edge, pixelBytes: 1, mirror: mirror)
          from += plane == 0 ? height * width : height * width / 4
          to += edge * edge
        }
      }
    }
    return result
  }

  /// One plane, or one frame of packed pixels; `stride` pixels between rows of the source.
  private static func crop(
    _ from: UnsafeRawPointer, _ stride: Int, _ to: UnsafeMutableRawPointer, _ side: Int, pixelBytes: Int, mirror: Bool
  ) {
    for row in 0..<side {
      let (source, target) = (from + row * stride * pixelBytes, to + row * side * pixelBytes)
      switch (mirror, pixelBytes) {
      case (false, _): target.copyMemory(from: source, byteCount: side * pixelBytes)
      case (true, 1): mirrorBytes(source, target, count: side)
      case (true, _): mirrorPixels(source, target, count: side)
      }
    }
  }

  private static func mirrorBytes(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, count: Int) {
    let source = from.assumingMemoryBound(to: UInt8.self)
    let target = to.assumingMemoryBound(to: UInt8.self)
    for place in 0..<count { target[place] = source[count - 1 - place] }
  }

  private static func mirrorPixels(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, count: Int) {
    let source = from.assumingMemoryBound(to: UInt8.self)
    let target = to.assumingMemoryBound(to: UInt8.self)
    for pixel in 0..<count {
      let mirrored = count - 1 - pixel
      target[pixel * 3] = source[mirrored * 3]
      target[pixel * 3 + 1] = source[mirrored * 3 + 1]
      target[pixel * 3 + 2] = source[mirrored * 3 + 2]
    }
  }
}
