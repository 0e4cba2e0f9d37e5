/// A frame's planes, YUV 4:2:0, BT.601 limited range: `y` of `height` x `width`, `u` and `v` of half of each, no padding.
///
/// One thread renders into it and reads it.
package final class PlanarFrame {
  package let width: Int
  package let height: Int
  package let y: UnsafeMutableBufferPointer<UInt8>
  package let u: UnsafeMutableBufferPointer<UInt8>
  package let v: UnsafeMutableBufferPointer<UInt8>

  /// - Parameters width, height: even.
  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
    let chromaCount = width / 2 * (height / 2)
    let all = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: width * height + 2 * chromaCount)
    all.initialize(repeating: 0)
    y = .init(start: all.baseAddress!, count: width * height)
    u = .init(start: all.baseAddress! + width * height, count: chromaCount)
    v = .init(start: all.baseAddress! + width * height + chromaCount, count: chromaCount)
  }

  deinit {
    y.baseAddress!.deallocate()
  }
}
