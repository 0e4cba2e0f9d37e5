package import Video

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
  /// - Parameter window: T + slack frames.
  /// - Returns: T frames of `crop` x `crop` pixels in the window's format; planes need an even `crop`.
  package static func clip(_ window: FrameTensor, item: WorkItem, crop: Int) throws(ClipFailure) -> FrameTensor {
    let place = try CropPlace(item: item, height: window.height, width: window.width, crop: crop)
    return window.cropped(
      frames: item.clipOffset..<item.clipOffset + item.clipFrames, top: place.top, left: place.left, side: crop,
      mirror: item.mirror)
  }
}
