internal import Tensors

extension Network {
  /// Logits at every place of clips that are larger than those the network was trained on, with running statistics.
  ///
  /// The classifier is a 1x1x1 convolution over the last map, pooled with stride 1 over windows of the size that map has for a
  /// clip of the trained size: 128x128 pixels give 2x2 cells of 7x7 for a network trained on 112x112 (paper.md section 3,
  /// the evaluation of section 4.4).
  /// - Parameters:
  ///   - clips: (count, T, H, W, 3).
  ///   - trained: height and width of the clips the network was trained on, at most those of this network.
  /// - Returns: (count, cells, classes), cells in row order.
  package func cellLogits(
    parameters: UnsafeBufferPointer<Scalar>, clips: UnsafePointer<UInt8>, count: Int, trained: Int
  ) throws(NetworkError) -> [Scalar] {
    let input = architecture.input
    guard trained <= min(input.height, input.width) else {
      throw NetworkError(
        .invalidInput,
        "Clips of \(input.height)x\(input.width) are too small for a network trained on \(trained)x\(trained).")
    }
    let window = try Architecture(definition, frames: input.frames, height: trained, width: trained).output
    try check(parameters: parameters, count: count)
    load(pixels: clips, count: count)
    let parameters = parameters.baseAddress!
    let map = lastMap(parameters, count: count, mode: .eval, gradient: nil)
    let (output, classes) = (architecture.output, definition.classes)
    let (rows, columns) = (output.height - window.height + 1, output.width - window.width + 1)
    var result = [Scalar](repeating: 0, count: count * rows * columns * classes)
    for cell in 0..<rows * columns {
      poolWindow(map, count: count, window, top: cell / columns, left: cell % columns)
      classify(parameters, count: count)
      for clip in 0..<count {
        let target = (clip * rows * columns + cell) * classes
        for index in 0..<classes { result[target + index] = memory.logits[clip * classes + index] }
      }
    }
    return result
  }

  /// `memory.pooled` of a window of the last map, by the same sum as of a whole map.
  private func poolWindow(_ map: UnsafePointer<Scalar>, count: Int, _ window: Extent, top: Int, left: Int) {
    let (output, features) = (architecture.output, architecture.features)
    let line = window.width * features
    let gathered = AlignedBuffer(byteCount: window.volume * features * MemoryLayout<Scalar>.stride)
    defer { withExtendedLifetime(gathered) {} }
    let rows = gathered.elements(Scalar.self).baseAddress!
    for clip in 0..<count {
      var end = rows
      for frame in 0..<window.frames {
        for row in top..<top + window.height {
          let position = ((clip * output.frames + frame) * output.height + row) * output.width + left
          end.update(from: map + position * features, count: line)
          end += line
        }
      }
      Scalar.pool(rows, window.volume, features, memory.pooled + clip * features)
    }
  }
}
