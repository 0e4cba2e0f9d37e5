internal import CKernels

/// How the pixels of frames lie in memory, 8 bits a sample. T frames, H rows, W columns.
package enum PixelFormat: String, Sendable, CaseIterable {
  /// (T, H, W, 3): red, green, blue.
  case rgb24
  /// (T, H·3/2, W): of every frame its luma (H, W), then U and V, (H/2, W/2) each. H and W are even; the matrix is that of
  /// BT.601, the range limited, whatever the video's.
  case yuv420p

  /// Bytes of one frame.
  package func frameByteCount(height: Int, width: Int) -> Int {
    switch self {
    case .rgb24: height * width * 3
    case .yuv420p: height * width / 2 * 3
    }
  }

  /// A tensor's dimensions.
  package func dimensions(frames: Int, height: Int, width: Int) -> [Int] {
    switch self {
    case .rgb24: [frames, height, width, 3]
    case .yuv420p: [frames, height / 2 * 3, width]
    }
  }

  /// The size of frames of which a tensor has these dimensions, each above 0; nil if it cannot hold any.
  package func size(of dimensions: [Int]) -> (frames: Int, height: Int, width: Int)? {
    switch self {
    case .rgb24:
      guard dimensions.count == 4, dimensions[3] == 3 else { return nil }
      return (dimensions[0], dimensions[1], dimensions[2])
    case .yuv420p:
      guard dimensions.count == 3, dimensions[1].isMultiple(of: 3), dimensions[2].isMultiple(of: 2) else { return nil }
      return (dimensions[0], dimensions[1] / 3 * 2, dimensions[2])
    }
  }

  /// The side that a frame gets where `side` was asked for, above 0: with planes the even number below, at least 2.
  package func side(_ side: Int) -> Int {
    switch self {
    case .rgb24: side
    case .yuv420p: max(2, side / 2 * 2)
    }
  }

  /// Copies frames as red, green and blue.
  ///
  /// Integers alone: the same bits on every machine, and the same for a crop at even places as for the whole frame.
  /// - Parameters:
  ///   - frames: (T, H, W) in this format.
  ///   - rgb: uint8 (T, H, W, 3).
  package func toRGB(
    _ frames: UnsafeRawBufferPointer, count: Int, height: Int, width: Int, to rgb: UnsafeMutableRawBufferPointer
  ) {
    let (own, other) = (frameByteCount(height: height, width: width), height * width * 3)
    precondition(frames.count == count * own && rgb.count == count * other, "frames do not match their shape")
    guard self == .yuv420p else { return rgb.copyMemory(from: frames) }
    precondition(height.isMultiple(of: 2) && width.isMultiple(of: 2), "planes of an odd size")
    let source = frames.bindMemory(to: UInt8.self).baseAddress!
    let target = rgb.bindMemory(to: UInt8.self).baseAddress!
    for frame in 0..<count {
      sluice_planes_to_rgb(source + frame * own, Int64(height), Int64(width), target + frame * other)
    }
  }
}
