internal import CKernels

/// The same sums over taps with bfloat16 products and float32 sums: rows are rounded while they are loaded.
extension TapConvolution {
  enum BFloat16 {
    static func sizes(
      _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ kernels: sluice_convolution_kernels
    ) -> ConvolutionScratch.Sizes {
      var sizes = ConvolutionScratch.Sizes()
      let (inputs, outputs, taps) = (shape.inChannels, shape.outChannels, shape.kernel.frames)
      let chunk = chunks(shape, backwardData: pass == .backwardData).size
      switch pass {
      case .forward:
        sizes.packed = Int(kernels.panel_elements(Int64(taps * pairs(inputs)), Int64(outputs)))
        sizes.worker = chunk * shape.input.frames * pairs(inputs)
      case .backwardData:
        sizes.packed = Int(kernels.panel_elements(Int64(taps * pairs(outputs)), Int64(inputs)))
        sizes.worker = chunk * shape.output.frames * pairs(outputs)
      case .backwardWeights:
        sizes.shared = gradientParts(shape) * shape.weightCount
        sizes.worker = pairs(chunk) * (shape.input.frames * inputs + shape.output.frames * outputs)
      }
      return sizes
    }

    /// Lanes of 32 bits that hold so many elements.
    private static func pairs(_ elements: Int) -> Int { (elements + 1) / 2 }

    static func forward(
      _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ weights: UnsafePointer<Float>,
      _ output: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ kernels: sluice_bf16_kernels,
      _ written: RowsWritten?
    ) {
      multiply(
        Side(shape.input.frames, shape.inChannels), Side(shape.output.frames, shape.outChannels), shape,
        transposed: false, input, weights, output, run, kernels, written
      ) { shape.inputFrame($0, $1) }
    }

    static func backwardData(
      _ shape: ConvolutionShape, _ outputGradient: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
      _ inputGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ kernels: sluice_bf16_kernels,
      _ written: RowsWritten?
    ) {
      multiply(
        Side(shape.output.frames, shape.outChannels), Side(shape.input.frames, shape.inChannels), shape,
        transposed: true, ConvolutionInput(outputGradient), weights, inputGradient, run, kernels, written
      ) { shape.outputFrame($0, $1) }
    }

    /// The map that is read, or the one that is written.
    private struct Side {
      let frames: Int
      let channels: Int

      init(_ frames: Int, _ channels: Int) {
        self.frames = frames
        self.channels = channels
      }
    }

    /// - Parameter frame: which frame of `from` a tap of a frame of `to` reads.
    private static func multiply(
      _ from: Side, _ to: Side, _ shape: ConvolutionShape, transposed: Bool, _ input: ConvolutionInput<Float>,
      _ weights: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>, _ run: ConvolutionRun,
      _ kernels: sluice_bf16_kernels, _ written: RowsWritten?, frame: (Int, Int) -> Int?
    ) {
      let taps = shape.kernel.frames
      let panels = UnsafeMutableRawPointer(run.scratch.packed).assumingMemoryBound(to: UInt32.self)
      run.pool.run(Int(run.kernels.panel_count(Int64(to.channels)))) { panel, _ in
        kernels.pack_panels(
          weights, Int64(shape.outChannels), Int64(shape.inChannels), Int64(taps), transposed, Int64(panel),
          Int64(panel + 1), panels)
      }
      let chunks = chunks(shape, backwardData: transposed)
      let positions = shape.input.height * shape.input.width
      let lanes = pairs(from.channels)
      run.pool.runParts(shape.batch * chunks.count) { unit, part, worker in
        let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
        let range = chunk * chunks.size..<min(positions, (chunk + 1) * chunks.size)
        let area = UnsafeMutableRawPointer(run.scratch.area(worker)).assumingMemoryBound(to: UInt32.self)
        for frame in 0..<from.frames {
          kernels.rows(
            input.elements + ((clip * from.frames + frame) * positions + range.lowerBound) * from.channels,
            Int64(range.count), Int64(from.channels), input.activation, area + frame * range.count * lanes)
        }
        withUnsafeTemporaryAllocation(of: UnsafePointer<UInt32>?.self, capacity: taps) { pointers in
          for target in 0..<to.frames {
            for tap in 0..<taps {
              pointers[tap] = frame(target, tap).map { UnsafePointer(area + $0 * range.count * lanes) }
            }
            let row = (clip * to.frames + target) * positions + range.lowerBound
            kernels.product(
              pointers.baseAddress!, Int64(taps), Int64(range.count), Int64(lanes), panels, Int64(to.channels),
              result + row * to.channels, Int64(to.channels))
            written?(row..<row + range.count, part)
          }
        }
      }
    }

    static func backwardWeights(
      _ shape: ConvolutionShape, _ input: ConvolutionInput<Float>, _ outputGradient: UnsafePointer<Float>,
      _ weightGradient: UnsafeMutablePointer<Float>, _ run: ConvolutionRun, _ kernels: sluice_bf16_kernels
    ) {
      let chunks = chunks(shape, backwardData: false)
      let positions = shape.input.height * shape.input.width
      let (inputs, outputs) = (shape.inChannels, shape.outChannels)
      let units = shape.batch * chunks.count
      let parts = min(gradientParts(shape), units)
      run.pool.runParts(units, limit: parts) { unit, part, worker in
        let gradient = run.scratch.shared + part * shape.weightCount
        if unit == part * units / parts { gradient.update(repeating: 0, count: shape.weightCount) }
        let (clip, chunk) = unit.quotientAndRemainder(dividingBy: chunks.count)
        let range = chunk * chunks.size..<min(positions, (chunk + 1) * chunks.size)
        let x = UnsafeMutableRawPointer(run.scratch.area(worker)).assumingMemoryBound(to: UInt32.self)
        let (xStride, yStride) = (pairs(range.count) * inputs, pairs(range.count) * outputs)
        let y = x + shape.input.frames * xStride
        for frame in 0..<shape.input.frames {
          kernels.row_pairs(
            input.elements + ((clip * shape.input.frames + frame) * positions + range.lowerBound) * inputs,
            Int64(range.count), Int64(inputs), input.activation, x + frame * xStride)
        }
        for frame in 0..<shape.output.frames {
          kernels.row_pairs(
            outputGradient + ((clip * shape.output.frames + frame) * positions + range.lowerBound) * outputs,
            Int64(range.count), Int64(outputs), sluice_activation(scale: nil, offset: nil), y + frame * yStride)
          for tap in 0..<shape.kernel.frames {
            guard let source = shape.inputFrame(frame, tap) else { continue }
            kernels.product_transposed(
              x + source * xStride, Int64(inputs), y + frame * yStride, Int64(outputs), Int64(pairs(range.count)),
              gradient + tap * inputs * outputs)
          }
        }
      }
      run.unpack(shape, parts: parts, stride: shape.weightCount, to: weightGradient)
    }
  }
}
