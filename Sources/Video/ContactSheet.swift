package import Tensors

/// Clips as one picture.
package enum ContactSheet {
  /// One row a clip, its T frames across, without gaps; what shorter or smaller clips leave free is black.
  ///
  /// - Returns: `rgb`, uint8 (`height`, `width`, 3); empty for no clips.
  package static func compose(clips: [FrameTensor]) -> (rgb: AlignedBuffer, width: Int, height: Int) {
    let width = clips.map { $0.frames * $0.width }.max() ?? 0
    let height = clips.reduce(0) { $0 + $1.height }
    let sheet = AlignedBuffer(byteCount: width * height * 3)
    guard sheet.byteCount > 0, let base = sheet.bytes.baseAddress else { return (sheet, 0, 0) }
    base.initializeMemory(as: UInt8.self, repeating: 0, count: sheet.byteCount)
    var top = 0
    for clip in clips where clip.frameByteCount > 0 {
      let rowBytes = clip.width * 3
      for frame in 0..<clip.frames {
        let from = clip.frame(frame).baseAddress!
        for row in 0..<clip.height {
          let to = base + (top + row) * width * 3 + frame * rowBytes
          to.copyMemory(from: from + row * rowBytes, byteCount: rowBytes)
        }
      }
      top += clip.height
    }
    return (sheet, width, height)
  }
}
