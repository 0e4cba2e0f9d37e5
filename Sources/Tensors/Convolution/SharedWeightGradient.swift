internal import CKernels

/// Weight gradients by blocks of inputs and outputs, each summed over all rows by one thread: for weights of which
/// partial sums would cost more than the products.
struct SharedWeightGradient {
  /// Stacked rows of x and of dy whose products belong to a tap.
  struct Segment {
    var x: Int
    var y: Int
    var rows: Int
  }

  private static let blockInputs = 128
  private static let blockOutputs = 48
  /// Lanes of rows that the last cache holds.
  private static let sharedLanes = 1 << 22

  let shape: ConvolutionShape
  let run: ConvolutionRun

  /// How many of `count` pieces, of so many lanes each, are worked on together.
  static func pieces(of count: Int, lanes: Int) -> Int { min(count, max(1, sharedLanes / max(lanes, 1))) }

  static func workerSize(_ shape: ConvolutionShape) -> Int { shape.kernel.volume * blockInputs * blockOutputs }

  /// - Parameters:
  ///   - x: stacked rows, `xStride` lanes apart; those of a tap begin `tapStride` lanes after those of the one before.
  ///   - y: stacked rows of outputs.
  ///   - segments: for each tap, in the order in which they are summed.
  ///   - accumulate: whether to add to the gradient.
  func add(
    x: UnsafePointer<Float>, xStride: Int, tapStride: Int, y: UnsafePointer<Float>, segments: [[Segment]],
    accumulate: Bool, to gradient: UnsafeMutablePointer<Float>
  ) {
    let (inputs, outputs, taps) = (shape.inChannels, shape.outChannels, shape.kernel.volume)
    let (rows, columns) = (Self.blockInputs, Self.blockOutputs)
    let inputBlocks = (inputs + rows - 1) / rows
    run.pool.run(inputBlocks * ((outputs + columns - 1) / columns)) { task, worker in
      let (column, row) = (task / inputBlocks * columns, task % inputBlocks * rows)
      let rowCount = min(rows, inputs - row)
      let columnCount = min(columns, outputs - column)
      let block = run.scratch.area(worker)
      for tap in 0..<taps {
        let to = block + tap * rowCount * columns
        if segments[tap].isEmpty { to.update(repeating: 0, count: rowCount * columns) }
        for (index, segment) in segments[tap].enumerated() {
          run.products.product_transposed(
            x + segment.x * xStride + tap * tapStride + row, Int64(xStride), Int64(rowCount),
            y + segment.y * outputs + column, Int64(outputs), Int64(columnCount), Int64(segment.rows), to,
            Int64(columns), index > 0)
        }
      }
      sluice_unpack_f32(
        block, 1, 0, Int64(taps), Int64(rowCount), Int64(columns), Int64(columnCount), accumulate,
        gradient + (column * inputs + row) * taps, Int64(inputs * taps))
    }
  }
}
