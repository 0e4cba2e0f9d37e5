internal import CKernels

/// Spatial 3x3 convolutions by Winograd's minimal filtering: tiles of the input are transformed, multiplied point by
/// point with transformed weights, and transformed back. Lavin and Gray 2016, arXiv:1509.09308.
///
/// Backward-data is the same convolution of dy with exchanged channels and reversed taps.
struct WinogradConvolution {
  private let shape: ConvolutionShape
  private let pass: ConvolutionPass
  private let tile: Int
  private let isShared: Bool
  /// Frames of all clips.
  private let frames: Int
  /// Rows of tiles in a frame, and tiles in a row.
  private let tileRows: Int
  private let tilesAcross: Int
  /// Channels of the map that is read, and of the one that is written; for backward-weights x and dy.
  private let inputs: Int
  private let outputs: Int

  private var points: Int { (tile + 2) * (tile + 2) }
  private var tiling: sluice_tiling {
    sluice_tiling(tile: Int64(tile), height: Int64(shape.input.height), width: Int64(shape.input.width))
  }

  init(_ shape: ConvolutionShape, _ pass: ConvolutionPass, tile: Int, shared: Bool) {
    self.shape = shape
    self.pass = pass
    self.tile = tile
    isShared = shared
    frames = shape.batch * shape.input.frames
    tileRows = (shape.input.height + tile - 1) / tile
    tilesAcross = (shape.input.width + tile - 1) / tile
    inputs = pass == .backwardData ? shape.outChannels : shape.inChannels
    outputs = pass == .backwardData ? shape.inChannels : shape.outChannels
  }

  // MARK: Sharing out

  /// Rows of tiles worked on together.
  private var rowsPerUnit: Int {
    let all = frames * tileRows
    guard isShared else { return min(all, max(1, (tile == 4 ? 56 : 112) / tilesAcross)) }
    // At most 8 chunks, each written in at most 8 parts.
    return min(all, max((all + 7) / 8, max(1, (tile == 4 ? 512 : 1024) / tilesAcross)))
  }

  private var units: Int { (frames * tileRows + rowsPerUnit - 1) / rowsPerUnit }

  private func rows(_ unit: Int) -> Range<Int> {
    unit * rowsPerUnit..<min(frames * tileRows, (unit + 1) * rowsPerUnit)
  }

  /// Positions of the map from the first row of tiles to the last.
  private func positions(_ rows: Range<Int>) -> Range<Int> {
    func line(_ row: Int) -> Int {
      let (frame, inside) = row.quotientAndRemainder(dividingBy: tileRows)
      return frame * shape.input.height + min(inside * tile, shape.input.height)
    }
    return line(rows.lowerBound) * shape.input.width..<line(rows.upperBound) * shape.input.width
  }

  /// Elements of one point's tiles of a unit.
  private var tilesPerUnit: Int { rowsPerUnit * tilesAcross }

  /// Parts of weight gradients; shared ones are not cut.
  private var gradientParts: Int {
    isShared ? 1 : min(16, max(2, (1 << 23) / (points * inputs * outputs)))
  }

  func sizes(_ kernels: sluice_convolution_kernels) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    let tiles = points * tilesPerUnit * (inputs + outputs)
    let gradients = pass == .backwardWeights ? gradientParts * points * inputs * outputs : 0
    if pass != .backwardWeights {
      sizes.packed = points * Int(kernels.panel_elements(Int64(inputs), Int64(outputs)))
    }
    sizes.shared = gradients + (isShared ? tiles : 0)
    sizes.worker = isShared ? 0 : tiles
    return sizes
  }

  // MARK: Forward and backward-data

  func multiply(
    _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let pointStride = Int(run.kernels.panel_elements(Int64(inputs), Int64(outputs)))
    run.pool.run(Int(run.kernels.panel_count(Int64(outputs)))) { panel, _ in
      run.kernels.winograd_weights(
        weights, Int64(tile), Int64(shape.outChannels), Int64(shape.inChannels), pass == .backwardData, Int64(panel),
        Int64(panel + 1), run.scratch.packed, Int64(pointStride))
    }
    if isShared {
      for unit in 0..<units { multiplyShared(unit, input, output, pointStride, run, written) }
      return
    }
    run.pool.runParts(units) { unit, part, worker in
      let rows = rows(unit)
      let v = run.scratch.area(worker)
      let q = v + points * tilesPerUnit * inputs
      transform(rows, input, v, run)
      for point in 0..<points { multiply(point, tiles: rows.count * tilesAcross, v, q, pointStride, run) }
      transformBack(rows, q, output, run)
      written?(positions(rows), part)
    }
  }

  private func multiplyShared(
    _ unit: Int, _ input: ConvolutionInput<Float>, _ output: UnsafeMutablePointer<Float>, _ pointStride: Int,
    _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let rows = rows(unit)
    let v = run.scratch.shared
    let q = v + points * tilesPerUnit * inputs
    let parts = min(8, rows.count)
    func slice(_ part: Int) -> Range<Int> {
      rows.lowerBound + part * rows.count / parts..<rows.lowerBound + (part + 1) * rows.count / parts
    }
    func skipped(_ slice: Range<Int>) -> Int { (slice.lowerBound - rows.lowerBound) * tilesAcross }
    run.pool.run(parts) { part, _ in
      transform(slice(part), input, v + skipped(slice(part)) * inputs, run)
    }
    run.pool.run(points) { point, _ in
      multiply(point, tiles: rows.count * tilesAcross, v, q, pointStride, run)
    }
    run.pool.run(parts) { part, _ in
      transformBack(slice(part), q + skipped(slice(part)) * outputs, output, run)
      written?(positions(slice(part)), unit * 8 + part)
    }
  }

  private func transform(
    _ rows: Range<Int>, _ input: ConvolutionInput<Float>, _ v: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    run.kernels.winograd_input(
      input.elements, tiling, Int64(inputs), input.activation, Int64(rows.lowerBound * tilesAcross),
      Int64(rows.upperBound * tilesAcross), v, Int64(tilesPerUnit * inputs))
  }

  private func multiply(
    _ point: Int, tiles: Int, _ v: UnsafeMutablePointer<Float>, _ q: UnsafeMutablePointer<Float>, _ pointStride: Int,
    _ run: ConvolutionRun
  ) {
    withUnsafePointer(to: Optional(UnsafePointer(v + point * tilesPerUnit * inputs))) {
      run.kernels.product(
        $0, 1, Int64(inputs), Int64(tiles), Int64(inputs), run.scratch.packed + point * pointStride, Int64(outputs),
        q + point * tilesPerUnit * outputs, Int64(outputs))
    }
  }

  private func transformBack(
    _ rows: Range<Int>, _ q: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    run.kernels.winograd_output(
      q, Int64(tilesPerUnit * outputs), tiling, Int64(outputs), Int64(rows.lowerBound * tilesAcross),
      Int64(rows.upperBound * tilesAcross), output)
  }

  // MARK: Backward-weights

  func differentiate(
    _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let partStride = points * inputs * outputs
    let gradients = run.scratch.shared
    let parts = isShared ? 1 : min(gradientParts, units)
    if isShared {
      for unit in 0..<units { differentiateShared(unit, input, outputGradient, gradients, run) }
    } else {
      run.pool.runParts(units, limit: parts) { unit, part, worker in
        let rows = rows(unit)
        let v = run.scratch.area(worker)
        let q = v + points * tilesPerUnit * inputs
        transform(rows, input, v, run)
        transformGradient(rows, outputGradient, q, run)
        for point in 0..<points {
          addGradient(
            point, tiles: rows.count * tilesAcross, v, q, gradients + part * partStride,
            first: unit == part * units / parts, run)
        }
      }
    }
    run.pool.runBlocks(of: ConvolutionShape.packBlock, in: outputs) { channels, _ in
      run.kernels.winograd_weight_gradient(
        gradients, Int64(parts), Int64(partStride), Int64(tile), Int64(outputs), Int64(inputs),
        Int64(channels.lowerBound), Int64(channels.upperBound), weightGradient)
    }
  }

  private func differentiateShared(
    _ unit: Int, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ gradients: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let rows = rows(unit)
    let v = gradients + points * inputs * outputs
    let q = v + points * tilesPerUnit * inputs
    run.pool.run(rows.count) { index, _ in
      let row = rows.lowerBound + index..<rows.lowerBound + index + 1
      transform(row, input, v + index * tilesAcross * inputs, run)
      transformGradient(row, outputGradient, q + index * tilesAcross * outputs, run)
    }
    run.pool.run(points) { point, _ in
      addGradient(point, tiles: rows.count * tilesAcross, v, q, gradients, first: unit == 0, run)
    }
  }

  private func transformGradient(
    _ rows: Range<Int>, _ outputGradient: UnsafePointer<Float>, _ q: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    run.kernels.winograd_gradient(
      outputGradient, tiling, Int64(outputs), Int64(rows.lowerBound * tilesAcross),
      Int64(rows.upperBound * tilesAcross), q, Int64(tilesPerUnit * outputs))
  }

  private func addGradient(
    _ point: Int, tiles: Int, _ v: UnsafeMutablePointer<Float>, _ q: UnsafeMutablePointer<Float>,
    _ gradients: UnsafeMutablePointer<Float>, first: Bool, _ run: ConvolutionRun
  ) {
    run.kernels.product_transposed(
      v + point * tilesPerUnit * inputs, Int64(inputs), Int64(inputs), q + point * tilesPerUnit * outputs,
      Int64(outputs), Int64(outputs), Int64(tiles), gradients + point * inputs * outputs, Int64(outputs), !first)
  }
}
