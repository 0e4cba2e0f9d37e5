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

/// Frames of one clip: uint8 (T, H, W, 3), RGB, contiguous.
package struct FrameTensor: Sendable {
  package let buffer: AlignedBuffer
  /// T
  package let frames: Int
  /// H
  package let height: Int
  /// W
  package let width: Int

  /// - Parameter buffer: `frames · height · width · 3` bytes.
  package init(buffer: AlignedBuffer, frames: Int, height: Int, width: Int) {
    precondition(buffer.byteCount == frames * height * width * 3, "buffer does not match the shape")
    self.buffer = buffer
    self.frames = frames
    self.height = height
    self.width = width
  }

  /// Bytes of one frame.
  package var frameByteCount: Int { height * width * 3 }

  /// Frame `index`: (H, W, 3). Valid while `buffer` lives.
  package func frame(_ index: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: buffer.bytes[index * frameByteCount..<(index + 1) * frameByteCount])
  }
}
