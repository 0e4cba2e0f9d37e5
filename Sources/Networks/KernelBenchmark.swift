internal import Foundation
package import Tensors

/// The speed of every method for every convolution of some networks: `bench kernels`, which makes the `MethodTable`.
package struct KernelBenchmark: Sendable {
  package var definitions: [NetworkDefinition]
  package var batch: Int
  package var frames: Int
  package var size: Int
  package var threads: Int
  /// Measured calls, of which the median counts; one more comes before them.
  package var repeats: Int
  package var paths: [KernelPath]

  package init(
    definitions: [NetworkDefinition], batch: Int, frames: Int, size: Int, threads: Int, repeats: Int,
    paths: [KernelPath]
  ) {
    self.definitions = definitions
    self.batch = batch
    self.frames = frames
    self.size = size
    self.threads = threads
    self.repeats = repeats
    self.paths = paths
  }

  /// One method for one pass of one shape.
  package struct Measurement: Sendable, Encodable {
    package let path: KernelPath
    package let shape: ConvolutionShape
    package let pass: ConvolutionPass
    package let method: ConvolutionMethod
    package let seconds: Double
    /// As if computed directly: two operations a multiply-add.
    package var gflops: Double { 2 * Double(shape.multiplyAdds) / seconds / 1e9 }
    /// Whether it is what networks of its precision use.
    package let isChosen: Bool

    enum CodingKeys: String, CodingKey {
      case path, batch, input, kernel, stride, pass, method, seconds, gflops, chosen
      case inChannels = "in_channels"
      case outChannels = "out_channels"
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(path.rawValue, forKey: .path)
      try container.encode(shape.batch, forKey: .batch)
      try container.encode("\(shape.input)", forKey: .input)
      try container.encode(shape.inChannels, forKey: .inChannels)
      try container.encode(shape.outChannels, forKey: .outChannels)
      try container.encode("\(shape.kernel)", forKey: .kernel)
      try container.encode("\(shape.stride)", forKey: .stride)
      try container.encode(pass.rawValue, forKey: .pass)
      try container.encode("\(method)", forKey: .method)
      try container.encode(seconds, forKey: .seconds)
      try container.encode(gflops, forKey: .gflops)
      try container.encode(isChosen, forKey: .chosen)
    }
  }

  /// Distinct convolutions of the networks, without the classifier, which is always a matrix product.
  package func shapes() throws(NetworkError) -> [ConvolutionShape] {
    var shapes: [ConvolutionShape] = []
    for definition in definitions {
      let architecture = try Architecture(definition, frames: frames, height: size, width: size)
      for shape in architecture.shapes(batch: batch).dropLast() where !shapes.contains(shape) { shapes.append(shape) }
    }
    return shapes
  }

  /// Measures every method that a path has.
  /// - Parameter each: called with every measurement.
  /// - Throws: sizes out of range.
  package func run(_ each: (Measurement) -> Void) throws(NetworkError) -> [Measurement] {
    guard (1...1024).contains(batch), (1...256).contains(threads), (1...1000).contains(repeats) else {
      throw NetworkError(
        .invalidInput, "A benchmark takes 1 to 1024 clips, 1 to 256 threads and 1 to 1000 repeats.")
    }
    let pool = WorkerPool(threads: threads)
    var measurements: [Measurement] = []
    for path in paths {
      for shape in try shapes() {
        let operands = Operands(shape)
        for pass in ConvolutionPass.allCases {
          for method in ConvolutionChoice.methods(shape, pass) where !method.usesBFloat16 || path.hasBFloat16 {
            let measurement = measure(shape, pass, method, path, operands, pool)
            each(measurement)
            measurements.append(measurement)
          }
        }
      }
    }
    return measurements
  }

  private func measure(
    _ shape: ConvolutionShape, _ pass: ConvolutionPass, _ method: ConvolutionMethod, _ path: KernelPath,
    _ operands: Operands, _ pool: WorkerPool
  ) -> Measurement {
    var choice = ConvolutionChoice()
    choice.forced = method
    let engine = KernelConvolution(shapes: [shape], pool: pool, choice: choice, path: path)
    var seconds: [Double] = []
    for index in 0...repeats {
      let start = ContinuousClock.now
      operands.compute(pass, with: engine)
      if index > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
    }
    var usual = ConvolutionChoice()
    usual.usesBFloat16 = method.usesBFloat16
    return Measurement(
      path: path, shape: shape, pass: pass, method: method, seconds: seconds.sorted()[seconds.count / 2],
      isChosen: usual.method(shape, pass, path: path) == method)
  }

  /// A table with the fastest method of every measured shape and pass, in float32 and, on paths that have it, in mixed
  /// precision; what was not measured stays as it is in `table`.
  package static func update(_ table: MethodTable, with measurements: [Measurement]) -> MethodTable {
    var rows: [MethodTable.Row] = []
    var shapes: [ConvolutionShape] = []
    var done: Set<String> = []
    for measurement in measurements {
      let (path, shape, pass) = (measurement.path, measurement.shape, measurement.pass)
      let rivals = measurements.filter { $0.path == path && $0.shape == shape && $0.pass == pass }
      for isMixed in path.hasBFloat16 ? [false, true] : [false] {
        let allowed = rivals.filter { isMixed || !$0.method.usesBFloat16 }
        guard let best = allowed.min(by: { $0.seconds < $1.seconds }) else { continue }
        let row = MethodTable.Row(path: path, isMixed: isMixed, shape: shape, pass: pass, method: best.method)
        // The same frame size and channels with other frames: the first counts.
        guard done.insert(row.subject).inserted else { continue }
        rows.append(row)
        shapes.append(shape)
      }
    }
    return table.updated(with: rows, shapes: shapes)
  }
}

/// Operands of one convolution, with an input that is normalised while it is loaded, as in a network.
private struct Operands {
  private let shape: ConvolutionShape
  private let storage: AlignedBuffer
  private let x, w, y, dw, scale, offset: UnsafeMutablePointer<Float>

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    let counts = [
      shape.inputCount, shape.weightCount, shape.outputCount, shape.weightCount, shape.inChannels, shape.inChannels,
    ].map { ($0 + 15) / 16 * 16 }
    storage = AlignedBuffer(byteCount: counts.reduce(0, +) * MemoryLayout<Float>.stride)
    let base = storage.elements(Float.self).baseAddress!
    let noise = CounterGenerator(seed: 1, name: "kernels")
    for index in 0..<counts.reduce(0, +) { base[index] = Float(noise.bits(UInt64(index)) >> 40) * 0x1p-24 - 0.5 }
    var offsets = [0]
    for count in counts { offsets.append(offsets.last! + count) }
    (x, w, y) = (base, base + offsets[1], base + offsets[2])
    (dw, scale, offset) = (base + offsets[3], base + offsets[4], base + offsets[5])
  }

  /// Results of backward-data overwrite x.
  func compute(_ pass: ConvolutionPass, with engine: KernelConvolution) {
    let input = ConvolutionInput(
      normalizing: UnsafePointer(x), scale: UnsafePointer(scale), offset: UnsafePointer(offset))
    switch pass {
    case .forward: engine.forward(shape, input: input, weights: w, output: y, written: nil)
    case .backwardData: engine.backwardData(shape, outputGradient: y, weights: w, inputGradient: x, written: nil)
    case .backwardWeights: engine.backwardWeights(shape, input: input, outputGradient: y, weightGradient: dw)
    }
    withExtendedLifetime(storage) {}
  }
}
