package import Tensors

/// Where a clip lies in its window.
package struct CropPlace: Equatable, Sendable {
  package var top: Int
  package var left: Int

  /// Even offsets, so that planar formats crop alike; fractions of the room there is, or the middle.
  /// - Throws: a verdict when the frames are smaller than the crop.
  package init(item: WorkItem, height: Int, width: Int, crop: Int) throws(ClipFailure) {
    guard height >= crop, width >= crop else {
      throw ClipFailure(
        reason: "\(item.path): scaled frames of \(width)x\(height) are smaller than the crop of \(crop)",
        isTransient: false)
    }
    let rooms = (y: (height - crop) / 2, x: (width - crop) / 2)
    if item.centerCrop {
      top = rooms.y / 2 * 2
      left = rooms.x / 2 * 2
    } else {
      top = 2 * min(Int(item.cropY * Double(rooms.y + 1)), rooms.y)
      left = 2 * min(Int(item.cropX * Double(rooms.x + 1)), rooms.x)
    }
  }
}

/// Cuts a clip out of a window: jitter in time, crop and mirror, in one pass.
package enum ClipCropper {
  /// - Parameters:
  ///   - window: uint8 (T + slack, H, W, 3).
  ///   - dimensions: of the window.
  /// - Returns: uint8 (T, crop, crop, 3).
  package static func clip(
    _ window: AlignedBuffer, dimensions: [Int], item: WorkItem, crop: Int
  ) throws(ClipFailure) -> AlignedBuffer {
    let (height, width) = (dimensions[1], dimensions[2])
    let place = try CropPlace(item: item, height: height, width: width, crop: crop)
    let clip = AlignedBuffer(byteCount: item.clipFrames * crop * crop * 3)
    let source = UnsafeRawPointer(window.bytes.baseAddress!)
    let target = clip.bytes.baseAddress!
    for frame in 0..<item.clipFrames {
      for row in 0..<crop {
        let from = source + (((frame + item.clipOffset) * height + place.top + row) * width + place.left) * 3
        let to = target + (frame * crop + row) * crop * 3
        if item.mirror {
          mirror(from, to, pixels: crop)
        } else {
          to.copyMemory(from: from, byteCount: crop * 3)
        }
      }
    }
    return clip
  }

  private static func mirror(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, pixels: Int) {
    let source = from.assumingMemoryBound(to: UInt8.self)
    let target = to.assumingMemoryBound(to: UInt8.self)
    for pixel in 0..<pixels {
      let mirrored = pixels - 1 - pixel
      target[pixel * 3] = source[mirrored * 3]
      target[pixel * 3 + 1] = source[mirrored * 3 + 1]
      target[pixel * 3 + 2] = source[mirrored * 3 + 2]
    }
  }
}
