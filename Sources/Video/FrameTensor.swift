package import Tensors

/// The size frames are scaled to.
package enum FrameSize: Sendable, Equatable {
  /// As coded, turned as the display matrix says.
  case native
  /// Any size; the aspect ratio is not kept.
  case exact(height: Int, width: Int)
  /// The shorter side becomes this many pixels, the longer one follows, rounded to the nearest.
  case shortEdge(Int)
}

/// Frames of one clip, uint8, contiguous: (T, H, W, 3) in RGB, (T, H·3/2, W) in planes.
package struct FrameTensor: Sendable {
  package let buffer: AlignedBuffer
  /// T
  package let frames: Int
  /// H
  package let height: Int
  /// W
  package let width: Int
  package let format: PixelFormat

  /// - Parameter buffer: as many bytes as `frames` frames of this size and format have.
  package init(buffer: AlignedBuffer, frames: Int, height: Int, width: Int, format: PixelFormat = .rgb24) {
    precondition(
      buffer.byteCount == frames * format.frameByteCount(height: height, width: width),
      "buffer does not match the shape")
    self.buffer = buffer
    self.frames = frames
    self.height = height
    self.width = width
    self.format = format
  }

  /// Memory for frames of this shape, uninitialised.
  package init(frames: Int, height: Int, width: Int, format: PixelFormat) {
    self.init(
      buffer: AlignedBuffer(byteCount: frames * format.frameByteCount(height: height, width: width)), frames: frames,
      height: height, width: width, format: format)
  }

  /// Of the tensor.
  package var dimensions: [Int] { format.dimensions(frames: frames, height: height, width: width) }

  /// Bytes of one frame.
  package var frameByteCount: Int { format.frameByteCount(height: height, width: width) }

  /// Frame `index`. Valid while `buffer` lives.
  package func frame(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: buffer.bytes[index * frameByteCount..<(index + 1) * frameByteCount])
  }

  /// Some of the frames, in memory of their own.
  package func copy(of range: Range<Int>) -> FrameTensor {
    let result = FrameTensor(frames: range.count, height: height, width: width, format: format)
    let bytes = buffer.bytes[range.lowerBound * frameByteCount..<range.upperBound * frameByteCount]
    result.buffer.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
    return result
  }

  /// The same frames in RGB.
  package func rgb() -> FrameTensor {
    guard format != .rgb24 else { return self }
    let result = FrameTensor(frames: frames, height: height, width: width, format: .rgb24)
    format.toRGB(
      UnsafeRawBufferPointer(buffer.bytes), count: frames, height: height, width: width, to: result.buffer.bytes)
    return result
  }
}
