internal import CKernels

/// Convolutions of any shape: blocks of output positions are unfolded into rows of (taps, C), then multiplied.
enum UnfoldedConvolution {
  private static let blockElements = 1 << 16
  private static let gradientElements = 1 << 23

  private static func blockRows(depth: Int) -> Int { max(24, blockElements / depth / 24 * 24) }

  private static func gradientParts(_ shape: ConvolutionShape) -> Int {
    min(16, max(4, gradientElements / shape.weightCount))
  }

  /// Lanes of `rows` unfolded rows: the floats, and beside them their lanes if these are others.
  private static func areaSize(_ rows: Int, _ taps: Int, _ channels: Int, _ products: sluice_products) -> Int {
    rows * taps * (channels + (products.packing > 1 ? products.lanes(channels) : 0))
  }

  static func sizes(
    _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_convolution_kernels,
    _ products: sluice_products, shared: Bool
  ) -> ConvolutionScratch.Sizes {
    var sizes = ConvolutionScratch.Sizes()
    if shared {
      sizes.shared = sharedBlocks(shape, products) * sharedBlockLanes(shape, products)
      sizes.worker = max(SharedWeightGradient.workerSize(shape), sharedRows * shape.kernel.volume * shape.inChannels)
      return sizes
    }
    let taps = shape.kernel.volume
    let block = blockRows(depth: taps * shape.inChannels)
    switch pass {
    case .forward:
      sizes.packed = Int(
        kernels.panel_elements(Int64(taps * products.lanes(shape.inChannels)), Int64(shape.outChannels)))
      sizes.worker = areaSize(block, taps, shape.inChannels, products)
    case .backwardWeights:
      sizes.shared = gradientParts(shape) * shape.weightCount
      sizes.worker = block * (2 * taps * shape.inChannels + shape.outChannels)
    case .backwardData:
      for phase in Phase.all(shape) {
        let depth = phase.taps.count * products.lanes(shape.outChannels)
        sizes.packed += Int(kernels.panel_elements(Int64(depth), Int64(shape.inChannels)))
        let rows = blockRows(depth: max(phase.taps.count * shape.outChannels, 1))
        sizes.worker = max(
          sizes.worker,
          areaSize(rows, phase.taps.count, shape.outChannels, products) + rows * shape.inChannels)
      }
    }
    return sizes
  }

  static func forward(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let taps = shape.kernel.volume
    run.pack(shape, weights, taps: Array(0..<taps), transposed: false)
    let rows = shape.batch * shape.outputRows
    let block = blockRows(depth: taps * shape.inChannels)
    run.pool.runParts((rows + block - 1) / block) { unit, part, worker in
      let range = unit * block..<min(rows, (unit + 1) * block)
      multiply(
        shape.geometry, input, range, taps: taps, channels: shape.inChannels, columns: shape.outChannels,
        panels: run.scratch.packed, to: output + range.lowerBound * shape.outChannels, run, worker)
      written?(range, part)
    }
  }

  /// result = unfolded positions `range` · panels.
  private static func multiply(
    _ geometry: sluice_geometry, _ input: ConvolutionInput<Float>, _ range: Range<Int>, taps: Int, channels: Int,
    columns: Int, panels: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, _ run: ConvolutionRun,
    _ worker: Int
  ) {
    let products = run.products
    var area = unfold(geometry, input, range, run, worker)
    if products.packing > 1 {
      let rows = range.count * taps
      products.rows(area, Int64(rows), Int64(channels), .none, area + rows * channels)
      area += rows * channels
    }
    withUnsafePointer(to: Optional(UnsafePointer(area))) {
      products.product(
        $0, 1, Int64(range.count), Int64(taps * products.lanes(channels)), panels, Int64(columns), result,
        Int64(columns))
    }
  }

  /// Unfolds positions into the worker's area.
  private static func unfold(
    _ geometry: sluice_geometry, _ input: ConvolutionInput<Float>, _ range: Range<Int>, _ run: ConvolutionRun,
    _ worker: Int
  ) -> UnsafeMutablePointer<Float> {
    let area = run.scratch.area(worker)
    withUnsafePointer(to: geometry) {
      run.kernels.unfold(input.elements, $0, input.activation, Int64(range.lowerBound), Int64(range.upperBound), area)
    }
    return area
  }

  static func backwardWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let depth = shape.kernel.volume * shape.inChannels
    let rows = shape.batch * shape.outputRows
    let block = blockRows(depth: depth)
    let units = (rows + block - 1) / block
    let limit = gradientParts(shape)
    let parts = min(limit, units)
    let outputs = shape.outChannels
    let products = run.products
    run.pool.runParts(units, limit: limit) { unit, part, worker in
      let range = unit * block..<min(rows, (unit + 1) * block)
      var x = UnsafePointer(unfold(shape.geometry, input, range, run, worker))
      var y = outputGradient + range.lowerBound * outputs
      if products.packing > 1 {
        let area = run.scratch.area(worker) + range.count * depth
        let after = area + products.lanes(range.count) * depth
        products.stacked_rows(x, Int64(range.count), Int64(depth), .none, area)
        products.stacked_rows(y, Int64(range.count), Int64(outputs), .none, after)
        (x, y) = (UnsafePointer(area), UnsafePointer(after))
      }
      products.product_transposed(
        x, Int64(depth), Int64(depth), y, Int64(outputs), Int64(outputs), Int64(products.lanes(range.count)),
        run.scratch.shared + part * shape.weightCount, Int64(outputs), unit != part * units / parts)
    }
    run.unpack(shape, parts: parts, stride: shape.weightCount, to: weightGradient)
  }

  // MARK: Backward-weights by blocks

  /// Rows that are unfolded by one thread.
  private static let sharedRows = 32

  /// Lanes of `sharedRows` stacked rows, of x unfolded and of dy.
  private static func sharedBlockLanes(_ shape: ConvolutionShape, _ products: sluice_products) -> Int {
    products.lanes(sharedRows) * (shape.kernel.volume * shape.inChannels + shape.outChannels)
  }

  private static func sharedBlocks(_ shape: ConvolutionShape, _ products: sluice_products) -> Int {
    SharedWeightGradient.pieces(
      of: (shape.batch * shape.outputRows + sharedRows - 1) / sharedRows, lanes: sharedBlockLanes(shape, products))
  }

  static func backwardSharedWeights(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun
  ) {
    let depth = shape.kernel.volume * shape.inChannels
    let rows = shape.batch * shape.outputRows
    let together = sharedBlocks(shape, run.products) * sharedRows
    for first in stride(from: 0, to: rows, by: together) {
      let range = first..<min(rows, first + together)
      let (x, y) = stack(shape, input, outputGradient, range, run)
      let segment = SharedWeightGradient.Segment(x: 0, y: 0, rows: run.products.lanes(range.count))
      SharedWeightGradient(shape: shape, run: run).add(
        x: x, xStride: depth, tapStride: shape.inChannels, y: y,
        segments: Array(repeating: [segment], count: shape.kernel.volume), accumulate: first > 0, to: weightGradient)
    }
  }

  /// Stacked rows of x unfolded, and of dy, in the shared area, or dy where it lies if it can be read there.
  private static func stack(
    _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
    _ range: Range<Int>, _ run: ConvolutionRun
  ) -> (x: UnsafePointer<Float>, y: UnsafePointer<Float>) {
    let products = run.products
    let (depth, outputs) = (shape.kernel.volume * shape.inChannels, shape.outChannels)
    let x = run.scratch.shared
    let y = x + products.lanes(range.count) * depth
    let isFloat = products.packing == 1
    let geometry = shape.geometry
    run.pool.runBlocks(of: sharedRows, in: range.count) { block, worker in
      let first = range.lowerBound + block.lowerBound
      let stacked = products.lanes(block.lowerBound)
      let unfolded = isFloat ? x + stacked * depth : run.scratch.area(worker)
      withUnsafePointer(to: geometry) {
        run.kernels.unfold(
          input.elements, $0, input.activation, Int64(first), Int64(first + block.count), unfolded)
      }
      if isFloat { return }
      products.stacked_rows(unfolded, Int64(block.count), Int64(depth), .none, x + stacked * depth)
      products.stacked_rows(
        outputGradient + first * outputs, Int64(block.count), Int64(outputs), .none, y + stacked * outputs)
    }
    return (UnsafePointer(x), isFloat ? outputGradient + range.lowerBound * outputs : UnsafePointer(y))
  }

  // MARK: Backward-data

  /// With strides, positions of dx fall into phases that read different taps: each is a convolution of dy without stride.
  private struct Phase {
    /// Which taps, by their index in the kernel, in the order in which dy is unfolded.
    let taps: [Int]
    /// The first position of dx, the distance between two, and how many there are.
    let start: Extent
    let count: Extent
    /// Of the convolution of dy.
    let kernel: Extent
    let padding: Extent

    static func all(_ shape: ConvolutionShape) -> [Phase] {
      var phases: [Phase] = []
      for t in 0..<shape.stride.frames {
        for h in 0..<shape.stride.height {
          for w in 0..<shape.stride.width {
            phases.append(Phase(shape, Extent(t, h, w)))
          }
        }
      }
      return phases.filter { $0.count.volume > 0 }
    }

    private init(_ shape: ConvolutionShape, _ start: Extent) {
      let t = Axis(start.frames, shape.input.frames, shape.kernel.frames, shape.stride.frames, shape.padding.frames)
      let h = Axis(start.height, shape.input.height, shape.kernel.height, shape.stride.height, shape.padding.height)
      let w = Axis(start.width, shape.input.width, shape.kernel.width, shape.stride.width, shape.padding.width)
      taps = t.taps.flatMap { t in
        h.taps.flatMap { h in w.taps.map { w in (t * shape.kernel.height + h) * shape.kernel.width + w } }
      }
      self.start = start
      count = Extent(t.count, h.count, w.count)
      kernel = Extent(t.taps.count, h.taps.count, w.taps.count)
      padding = Extent(t.padding, h.padding, w.padding)
    }

    /// One dimension of a phase: position start + stride · q of dx reads dy at q − padding + index for taps[index].
    private struct Axis {
      let taps: [Int]
      let count: Int
      let padding: Int

      init(_ start: Int, _ size: Int, _ kernel: Int, _ stride: Int, _ pad: Int) {
        let first = (start + pad) % stride
        taps = Array(Swift.stride(from: first, to: kernel, by: stride)).reversed()
        count = start < size ? (size - start + stride - 1) / stride : 0
        padding = taps.count - 1 - (start + pad - first) / stride
      }
    }

    func geometry(_ shape: ConvolutionShape) -> sluice_geometry {
      var geometry = ConvolutionShape(
        batch: shape.batch, input: shape.output, inChannels: shape.outChannels, outChannels: shape.inChannels,
        kernel: kernel, stride: Extent(1, 1, 1), padding: padding
      ).geometry
      geometry.out_frames = Int64(count.frames)
      geometry.out_height = Int64(count.height)
      geometry.out_width = Int64(count.width)
      return geometry
    }

    /// The row of dx of this phase's position `index`.
    func row(_ index: Int, _ shape: ConvolutionShape) -> Int {
      let (rest, w) = index.quotientAndRemainder(dividingBy: count.width)
      let (outer, h) = rest.quotientAndRemainder(dividingBy: count.height)
      let (clip, t) = outer.quotientAndRemainder(dividingBy: count.frames)
      let frame = clip * shape.input.frames + start.frames + t * shape.stride.frames
      let line = frame * shape.input.height + start.height + h * shape.stride.height
      return line * shape.input.width + start.width + w * shape.stride.width
    }
  }

  static func backwardData(
    _ shape: ConvolutionShape, _ outputGradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
    _ inputGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ written: RowsWritten?
  ) {
    let inputs = shape.inChannels
    var offset = 0
    for phase in Phase.all(shape) {
      let depth = phase.taps.count * shape.outChannels
      let panels = run.scratch.packed + offset
      if depth > 0 { run.pack(shape, weights, taps: phase.taps, transposed: true, offset: offset) }
      let lanes = phase.taps.count * run.products.lanes(shape.outChannels)
      offset += Int(run.kernels.panel_elements(Int64(lanes), Int64(inputs)))
      let geometry = phase.geometry(shape)
      let rows = shape.batch * phase.count.volume
      let block = blockRows(depth: max(depth, 1))
      run.pool.runBlocks(of: block, in: rows) { range, worker in
        let result =
          run.scratch.area(worker) + areaSize(block, phase.taps.count, shape.outChannels, run.products)
        if depth > 0 {
          multiply(
            geometry, ConvolutionInput(outputGradient), range, taps: phase.taps.count, channels: shape.outChannels,
            columns: inputs, panels: panels, to: result, run, worker)
        } else {
          result.update(repeating: 0, count: range.count * inputs)
        }
        for index in range {
          (inputGradient + phase.row(index, shape) * inputs)
            .update(from: result + (index - range.lowerBound) * inputs, count: inputs)
        }
      }
    }
    guard let written else { return }
    let rows = shape.batch * shape.input.volume
    let block = max(1, blockElements / inputs)
    run.pool.runParts((rows + block - 1) / block) { unit, part, _ in
      written(unit * block..<min(rows, (unit + 1) * block), part)
    }
  }
}
