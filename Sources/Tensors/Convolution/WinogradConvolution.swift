internal import CKernels

/// Spatial 3x3 convolutions by Winograd's minimal filtering: tiles of the input are transformed, multiplied point by
/// point with transformed weights, and transformed back. Lavin and Gray 2016, arXiv:1509.09308.
///
/// Backward-data is the same convolution of dy with exchanged channels and reversed taps.
struct WinogradConvolution {
  private let shape: ConvolutionShape
  private let pass: ConvolutionPass
  private let kernels: sluice_winograd_kernels
  private let products: sluice_products
  private let isShared: Bool
  private let tileHeight: Int
  /// Points of a transformed tile.
  private let points: Int
  /// Frames of all clips.
  private let frames: Int
  /// Rows of tiles in a frame, and tiles in a row.
  private let tileRows: Int
  private let tilesAcross: Int
  /// Channels of the map that is read, and of the one that is written; for backward-weights x and dy.
  private let inputs: Int
  private let outputs: Int

  private var height: Int64 { Int64(shape.input.height) }
  private var width: Int64 { Int64(shape.input.width) }

  init(_ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_winograd_kernels, shared: Bool) {
    self.shape = shape
    self.pass = pass
    self.kernels = kernels
    products = kernels.products.pointee
    isShared = shared
    tileHeight = Int(kernels.tile_height)
    let tileWidth = Int(kernels.tile_width)
    points = (tileHeight + 2) * (tileWidth + 2)
    frames = shape.batch * shape.input.frames
    tileRows = (shape.input.height + tileHeight - 1) / tileHeight
    tilesAcross = (shape.input.width + tileWidth - 1) / tileWidth
    inputs = pass == .backwardData ? shape.outChannels : shape.inChannels
    outputs = pass == .backwardData ? shape.inChannels : shape.outChannels
  }

  // MARK: Sharing out

  /// Rows of tiles worked on together.
  private var rowsPerUnit: Int {
    let all = frames * tileRows
    guard isShared else { return min(all, max(1, 896 / Int(kernels.tile_height * kernels.tile_width) / tilesAcross)) }
    let lanes = points * tilesAcross * (inputs + outputs) / Int(products.packing)
    let byCache = max(1, Self.sharedLanes / lanes)
    // Results are announced in parts: at most 8 units, each in at most 8.
    return min(all, pass == .backwardWeights ? byCache : max((all + 7) / 8, byCache))
  }

  /// Lanes of transformed tiles that the last cache holds.
  private static let sharedLanes = 1 << 22

  private var units: Int { (frames * tileRows + rowsPerUnit - 1) / rowsPerUnit }

  private func rows(_ unit: Int) -> Range<Int> {
    unit * rowsPerUnit..<min(frames * tileRows, (unit + 1) * rowsPerUnit)
  }

  private func tiles(_ rows: Range<Int>) -> Range<Int> { rows.lowerBound * tilesAcross..<rows.upperBound * tilesAcross }

  /// Positions of the map from the first row of tiles to the last.
  private func positions(_ rows: Range<Int>) -> Range<Int> {
    func line(_ row: Int) -> Int {
      let (frame, inside) = row.quotientAndRemainder(dividingBy: tileRows)
      return frame * shape.input.height + min(inside * tileHeight, shape.input.height)
    }
    return line(rows.lowerBound) * shape.input.width..<line(rows.upperBound) * shape.input.width
  }

  private var tilesPerUnit: Int { rowsPerUnit * tilesAcross }

  /// Lanes from one point's tiles of a unit to the next point's, of the input and of the other operand or the result.
  private var inputStride: Int {
    pass == .backwardWeights ? products.lanes(tilesPerUnit) * inputs : tilesPerUnit * products.lanes(inputs)
  }
  private var outputStride: Int {
    pass == .backwardWeights ? products.lanes(tilesPerUnit) * outputs : tilesPerUnit * outputs
  }

  /// Parts of weight gradients; shared ones are not cut.
  private var gradientParts: Int { min(16, max(2, (1 << 23) / (points * inputs * outputs))) }

  /// Inputs and outputs of a block of shared weight gradients.
  private static let blockInputs = 32
  private static let blockOutputs = 48

  func sizes(_ panels: sluice_convolution_kernels) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    let tiles = points * (inputStride + outputStride)
    if pass != .backwardWeights {
      sizes.packed = points * Int(panels.panel_elements(Int64(products.lanes(inputs)), Int64(outputs)))
    }
    if isShared {
      sizes.shared = tiles
      if pass == .backwardWeights { sizes.worker = points * Self.blockInputs * Self.blockOutputs }
    } else {
      sizes.worker = tiles
      if pass == .backwardWeights { sizes.shared = gradientParts * points * inputs * outputs }
    }
    return sizes
  }

  // MARK: Forward and backward-data

  func multiply(
    _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let panelStride = Int(run.kernels.panel_elements(Int64(products.lanes(inputs)), Int64(outputs)))
    run.pool.run(Int(run.kernels.panel_count(Int64(outputs)))) { panel, _ in
      kernels.weights(
        weights, Int64(shape.outChannels), Int64(shape.inChannels), pass == .backwardData, Int64(panel),
        Int64(panel + 1), run.scratch.packed, Int64(panelStride))
    }
    if isShared {
      for unit in 0..<units { multiplyShared(unit, input, output, panelStride, run, written) }
      return
    }
    run.pool.runParts(units) { unit, part, worker in
      let rows = rows(unit)
      let v = run.scratch.area(worker)
      let q = v + points * inputStride
      transform(tiles(rows), input, v)
      for point in 0..<points { multiply(point, tiles: tiles(rows).count, v, q, panelStride, run) }
      transformBack(tiles(rows), q, output)
      written?(positions(rows), part)
    }
  }

  private func multiplyShared(
    _ unit: Int, _ input: ConvolutionInput<Float>, _ output: UnsafeMutablePointer<Float>, _ panelStride: Int,
    _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let rows = rows(unit)
    let v = run.scratch.shared
    let q = v + points * inputStride
    let parts = min(8, rows.count)
    func slice(_ part: Int) -> Range<Int> {
      rows.lowerBound + part * rows.count / parts..<rows.lowerBound + (part + 1) * rows.count / parts
    }
    func skipped(_ slice: Range<Int>) -> Int { (slice.lowerBound - rows.lowerBound) * tilesAcross }
    run.pool.run(parts) { part, _ in
      transform(tiles(slice(part)), input, v + skipped(slice(part)) * products.lanes(inputs))
    }
    run.pool.run(points) { point, _ in multiply(point, tiles: tiles(rows).count, v, q, panelStride, run) }
    run.pool.run(parts) { part, _ in
      transformBack(tiles(slice(part)), q + skipped(slice(part)) * outputs, output)
      written?(positions(slice(part)), unit * 8 + part)
    }
  }

  private func transform(_ tiles: Range<Int>, _ input: ConvolutionInput<Float>, _ v: UnsafeMutablePointer<Float>) {
    kernels.input(
      input.elements, height, width, Int64(inputs), input.activation, Int64(tiles.lowerBound),
      Int64(tiles.upperBound), v, Int64(inputStride))
  }

  private func multiply(
    _ point: Int, tiles: Int, _ v: UnsafeMutablePointer<Float>, _ q: UnsafeMutablePointer<Float>, _ panelStride: Int,
    _ run: ConvolutionRun
  ) {
    withUnsafePointer(to: Optional(UnsafePointer(v + point * inputStride))) {
      products.product(
        $0, 1, Int64(tiles), Int64(products.lanes(inputs)), run.scratch.packed + point * panelStride, Int64(outputs),
        q + point * outputStride, Int64(outputs))
    }
  }

  private func transformBack(
    _ tiles: Range<Int>, _ q: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>
  ) {
    kernels.output(
      q, Int64(outputStride), height, width, Int64(outputs), Int64(tiles.lowerBound), Int64(tiles.upperBound), output)
  }

  // MARK: Backward-weights

  func differentiate(
    _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    if isShared {
      for unit in 0..<units { differentiateShared(unit, input, outputGradient, weightGradient, run) }
      return
    }
    let partStride = points * inputs * outputs
    let gradients = run.scratch.shared
    let parts = min(gradientParts, units)
    run.pool.runParts(units, limit: parts) { unit, part, worker in
      let tiles = tiles(rows(unit))
      let v = run.scratch.area(worker)
      let q = v + points * inputStride
      stack(tiles, input, outputGradient, v, q)
      for point in 0..<points {
        products.product_transposed(
          v + point * inputStride, Int64(inputs), Int64(inputs), q + point * outputStride, Int64(outputs),
          Int64(outputs), Int64(products.lanes(tiles.count)),
          gradients + part * partStride + point * inputs * outputs, Int64(outputs), unit != part * units / parts)
      }
    }
    run.pool.runBlocks(of: ConvolutionShape.packBlock, in: outputs) { channels, _ in
      kernels.weight_gradient(
        gradients + channels.lowerBound, Int64(parts), Int64(partStride), Int64(inputs * outputs), Int64(outputs),
        Int64(channels.count), Int64(inputs), false, weightGradient + channels.lowerBound * inputs * 9,
        Int64(inputs * 9))
    }
  }

  /// Every block of weight gradients is multiplied at all points and transformed back while it is in the cache.
  private func differentiateShared(
    _ unit: Int, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let tiles = tiles(rows(unit))
    let v = run.scratch.shared
    let q = v + points * inputStride
    let stacked = products.lanes(tiles.count)
    run.pool.runBlocks(of: max(1, (stacked + 15) / 16), in: stacked) { block, _ in
      let packing = Int(products.packing)
      let first = tiles.lowerBound + block.lowerBound * packing
      let end = min(tiles.upperBound, tiles.lowerBound + block.upperBound * packing)
      stack(first..<end, input, outputGradient, v + block.lowerBound * inputs, q + block.lowerBound * outputs)
    }
    let (rows, columns) = (Self.blockInputs, Self.blockOutputs)
    let inputBlocks = (inputs + rows - 1) / rows
    run.pool.run(inputBlocks * ((outputs + columns - 1) / columns)) { task, worker in
      let (column, row) = (task / inputBlocks * columns, task % inputBlocks * rows)
      let rowCount = Int64(min(rows, inputs - row))
      let columnCount = Int64(min(columns, outputs - column))
      let block = run.scratch.area(worker)
      for point in 0..<points {
        products.product_transposed(
          v + point * inputStride + row, Int64(inputs), rowCount, q + point * outputStride + column, Int64(outputs),
          columnCount, Int64(stacked), block + point * rows * columns, Int64(columns), false)
      }
      kernels.weight_gradient(
        block, 1, 0, Int64(rows * columns), Int64(columns), columnCount, rowCount, unit > 0,
        weightGradient + (column * inputs + row) * 9, Int64(inputs * 9))
    }
  }

  /// Transforms tiles of x and of dy into stacked rows.
  private func stack(
    _ tiles: Range<Int>, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ v: UnsafeMutablePointer<Float>, _ q: UnsafeMutablePointer<Float>
  ) {
    let (first, end) = (Int64(tiles.lowerBound), Int64(tiles.upperBound))
    kernels.stacked_input(
      input.elements, height, width, Int64(inputs), input.activation, first, end, v, Int64(inputStride))
    kernels.stacked_gradient(outputGradient, height, width, Int64(outputs), first, end, q, Int64(outputStride))
  }
}
