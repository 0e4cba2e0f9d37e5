internal import Tensors

/// Pixels to network input: (value / 255 − mean) / deviation, per colour channel (paper.md section 2, torchvision's values).
package enum ClipNormalization {
  /// Means of red, green and blue, of values in 0...1.
  package static let mean = [0.43216, 0.394666, 0.37645]
  package static let deviation = [0.22803, 0.22145, 0.216989]

  /// The normalised value of every pixel value: 256 for red, then green, then blue.
  static func table<Scalar: NetworkScalar>(_: Scalar.Type) -> AlignedBuffer {
    let buffer = AlignedBuffer(byteCount: 3 * 256 * MemoryLayout<Scalar>.stride)
    let values = buffer.elements(Scalar.self)
    for channel in 0..<3 {
      for pixel in 0..<256 {
        values[channel * 256 + pixel] = Scalar((Double(pixel) / 255 - mean[channel]) / deviation[channel])
      }
    }
    return buffer
  }
}
