internal import Tensors

extension Safetensors.Tensor {
  /// A kernel (O, I, 1, kH, kW) repeated along time and divided by the number of frames, so that it gives on a clip of equal
  /// frames what it gave on one (paper.md section 1); everything else as it is.
  ///
  /// - Parameter shape: (O, I, T, kH, kW).
  func inflated(to shape: [Int]) -> Safetensors.Tensor {
    var flat = shape
    if shape.count == 5 { flat[2] = 1 }
    guard shape.count == 5, shape[2] > 1, dimensions == flat else { return self }
    let frames = shape[2]
    let inflated = AlignedBuffer(byteCount: buffer.byteCount * frames)
    switch elementType {
    case .float32: fill(inflated, frames, shape[3] * shape[4], Float.self)
    case .float64: fill(inflated, frames, shape[3] * shape[4], Double.self)
    case .uint8, .int64, .bfloat16: return self
    }
    return Safetensors.Tensor(name: name, elementType: elementType, dimensions: shape, buffer: inflated)
  }

  private func fill<Scalar: NetworkScalar>(_ target: AlignedBuffer, _ frames: Int, _ plane: Int, _: Scalar.Type) {
    defer { withExtendedLifetime((self, target)) {} }
    let (from, to) = (buffer.elements(Scalar.self), target.elements(Scalar.self))
    for index in to.indices {
      to[index] = from[index / (plane * frames) * plane + index % plane] / Scalar(frames)
    }
  }
}
