import Foundation
import Tensors
import Testing

/// SplitMix64 as a source of test values in [-1, 1).
private struct Noise {
  var state: UInt64

  mutating func values(_ count: Int) -> [Double] {
    (0..<count).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      z ^= z >> 31
      return Double(z >> 11) * 0x1p-52 - 1
    }
  }
}

@Suite("Convolutions")
struct ConvolutionTests {
  /// Spatial, temporal, full and pointwise kernels, strided and not, with odd sizes and channels that fill no vector.
  static let shapes: [ConvolutionShape] = [
    shape(2, Extent(3, 9, 7), 5, 11, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(1, Extent(4, 30, 31), 16, 24, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(2, Extent(3, 9, 8), 6, 9, Extent(1, 3, 3), Extent(1, 2, 2)),
    shape(2, Extent(4, 17, 15), 3, 12, Extent(1, 7, 7), Extent(1, 2, 2)),
    shape(2, Extent(5, 6, 5), 7, 10, Extent(3, 1, 1), Extent(1, 1, 1)),
    shape(1, Extent(8, 4, 4), 8, 6, Extent(3, 1, 1), Extent(2, 1, 1)),
    shape(5, Extent(7, 4, 3), 8, 6, Extent(3, 1, 1), Extent(2, 1, 1)),
    shape(2, Extent(1, 5, 5), 8, 6, Extent(3, 1, 1), Extent(1, 1, 1)),
    shape(2, Extent(1, 1, 1), 8, 6, Extent(3, 1, 1), Extent(2, 1, 1)),
    shape(3, Extent(5, 7, 6), 9, 13, Extent(1, 1, 1), Extent(2, 2, 2)),
    shape(2, Extent(5, 7, 6), 9, 13, Extent(1, 1, 1), Extent(1, 1, 1)),
    shape(3, Extent(1, 1, 1), 19, 5, Extent(1, 1, 1), Extent(1, 1, 1)),
    shape(2, Extent(4, 6, 7), 5, 8, Extent(3, 3, 3), Extent(1, 1, 1)),
    shape(2, Extent(5, 6, 7), 5, 8, Extent(3, 3, 3), Extent(2, 2, 2)),
    shape(1, Extent(4, 13, 12), 3, 8, Extent(3, 7, 7), Extent(1, 2, 2)),
    shape(1, Extent(2, 1, 2), 4, 3, Extent(1, 3, 3), Extent(1, 2, 2)),
    shape(3, Extent(2, 14, 14), 33, 65, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(5, Extent(1, 7, 7), 48, 50, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(1, Extent(1, 1, 1), 16, 16, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(2, Extent(9, 4, 5), 40, 70, Extent(3, 1, 1), Extent(2, 1, 1)),
    // Channels of the last stages: longer sums, several blocks of channels.
    shape(1, Extent(2, 7, 7), 230, 460, Extent(1, 3, 3), Extent(1, 1, 1)),
    shape(1, Extent(3, 4, 4), 921, 512, Extent(3, 1, 1), Extent(1, 1, 1)),
    shape(2, Extent(8, 6, 7), 45, 64, Extent(3, 1, 1), Extent(1, 1, 1)),
  ]

  private static func shape(
    _ batch: Int, _ input: Extent, _ inChannels: Int, _ outChannels: Int, _ kernel: Extent, _ stride: Extent
  ) -> ConvolutionShape {
    ConvolutionShape(
      batch: batch, input: input, inChannels: inChannels, outChannels: outChannels, kernel: kernel, stride: stride,
      padding: Extent(kernel.frames / 2, kernel.height / 2, kernel.width / 2))
  }

  /// y, dx and dw of one engine on fixed inputs, which are normalised and rectified on the way in if `activating`.
  private func results<Engine: ConvolutionEngine>(
    _ shape: ConvolutionShape, _ engine: Engine, activating: Bool = false, written: RowsWritten? = nil
  ) -> [[Engine.Scalar]] where Engine.Scalar: KernelScalar {
    typealias Scalar = Engine.Scalar
    var noise = Noise(state: 17)
    let x = noise.values(shape.inputCount).map { Scalar(Float($0)) }
    let w = noise.values(shape.weightCount).map { Scalar(Float($0)) }
    let dy = noise.values(shape.outputCount).map { Scalar(Float($0)) }
    let scale = noise.values(shape.inChannels).map { Scalar(Float($0 + 1.5)) }
    let offset = noise.values(shape.inChannels).map { Scalar(Float($0)) }
    var y = [Scalar](repeating: .nan, count: shape.outputCount)
    var dx = [Scalar](repeating: .nan, count: shape.inputCount)
    var dw = [Scalar](repeating: .nan, count: shape.weightCount)
    x.withUnsafeBufferPointer { x in
      scale.withUnsafeBufferPointer { scale in
        offset.withUnsafeBufferPointer { offset in
          let plain = ConvolutionInput(x.baseAddress!)
          let input =
            activating
            ? ConvolutionInput(normalizing: x.baseAddress!, scale: scale.baseAddress!, offset: offset.baseAddress!)
            : plain
          engine.forward(shape, input: input, weights: w, output: &y, written: written)
          engine.backwardData(shape, outputGradient: dy, weights: w, inputGradient: &dx, written: nil)
          engine.backwardWeights(shape, input: input, outputGradient: dy, weightGradient: &dw)
        }
      }
    }
    return [y, dx, dw]
  }

  private func results<Scalar: KernelScalar>(
    _ shape: ConvolutionShape, threads: Int, _: Scalar.Type
  ) -> [[Scalar]] {
    results(shape, Scalar.Convolution(shapes: [shape], pool: WorkerPool(threads: threads), choice: ConvolutionChoice()))
  }

  /// Every method on every instruction set of this processor, with the relative L2 distance allowed from float64.
  private func engines(_ shape: ConvolutionShape) -> [(name: String, engine: KernelConvolution, limit: Double)] {
    ConvolutionChoice.methods(shape, .backwardWeights).flatMap { method in
      KernelPath.allCases.filter { $0.isAvailable && (!method.usesBFloat16 || $0.hasBFloat16) }.map { path in
        var choice = ConvolutionChoice()
        choice.forced = method
        let limit =
          switch method {
          case .winograd(.f4x4, _), .winogradThroughTime: 1e-4
          case .winograd(.f2x2, _): 2e-5
          case _ where method.usesBFloat16: 1e-2
          default: 1e-5
          }
        let engine = KernelConvolution(
          shapes: [shape], pool: WorkerPool(threads: 2), choice: choice, path: path)
        return ("\(method) \(path)", engine, limit)
      }
    }
  }

  @Test("paths this processor lacks are named as not tested")
  func untestedPaths() {
    #expect(KernelPath.portable.isAvailable)
    for path in KernelPath.allCases where !path.isAvailable {
      Issue.record("the kernels '\(path.rawValue)' are not tested: this processor lacks them", severity: .warning)
    }
  }

  @Test("every method and instruction set is near float64, forward and both backwards", arguments: shapes)
  func agreement(shape: ConvolutionShape) {
    for activating in [false, true] {
      let double = results(
        shape,
        ReferenceConvolution(shapes: [shape], pool: WorkerPool(threads: 1), choice: ConvolutionChoice()),
        activating: activating)
      for (name, engine, limit) in engines(shape) {
        let single = results(shape, engine, activating: activating)
        for (actual, expected) in zip(single, double) {
          var (difference, norm) = (0.0, 0.0)
          for (a, b) in zip(actual, expected) {
            difference += (Double(a) - b) * (Double(a) - b)
            norm += b * b
          }
          #expect((difference / norm).squareRoot() < limit, "\(name)")
        }
      }
    }
  }

  @Test("every row is announced once", arguments: shapes)
  func announcements(shape: ConvolutionShape) {
    for (name, engine, _) in engines(shape) {
      let rows = shape.batch * shape.outputRows
      nonisolated(unsafe) var seen = [Int](repeating: 0, count: rows)
      let lock = NSLock()
      _ = results(shape, engine) { range, part in
        #expect((0..<ConvolutionParts.limit).contains(part))
        lock.lock()
        defer { lock.unlock() }
        for row in range { seen[row] += 1 }
      }
      #expect(seen.allSatisfy { $0 == 1 }, "\(name)")
    }
  }

  @Test("the float64 reference is the definition, term by term", arguments: shapes)
  func definition(shape: ConvolutionShape) {
    var noise = Noise(state: 17)
    let x = noise.values(shape.inputCount).map { Double(Float($0)) }
    let w = noise.values(shape.weightCount).map { Double(Float($0)) }
    let dy = noise.values(shape.outputCount).map { Double(Float($0)) }
    var y = [Double](repeating: 0, count: shape.outputCount)
    var dx = [Double](repeating: 0, count: shape.inputCount)
    var dw = [Double](repeating: 0, count: shape.weightCount)
    let (input, output, kernel) = (shape.input, shape.output, shape.kernel)
    for n in 0..<shape.batch {
      for ot in 0..<output.frames {
        for oh in 0..<output.height {
          for ow in 0..<output.width {
            for kt in 0..<kernel.frames {
              for kh in 0..<kernel.height {
                for kw in 0..<kernel.width {
                  let t = ot * shape.stride.frames + kt - shape.padding.frames
                  let h = oh * shape.stride.height + kh - shape.padding.height
                  let v = ow * shape.stride.width + kw - shape.padding.width
                  guard (0..<input.frames).contains(t), (0..<input.height).contains(h), (0..<input.width).contains(v)
                  else { continue }
                  for o in 0..<shape.outChannels {
                    for i in 0..<shape.inChannels {
                      let out =
                        (((n * output.frames + ot) * output.height + oh) * output.width + ow) * shape.outChannels + o
                      let at = (((n * input.frames + t) * input.height + h) * input.width + v) * shape.inChannels + i
                      let tap = (kt * kernel.height + kh) * kernel.width + kw
                      let weight = (o * shape.inChannels + i) * kernel.volume + tap
                      y[out] += x[at] * w[weight]
                      dx[at] += dy[out] * w[weight]
                      dw[weight] += dy[out] * x[at]
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    for (actual, expected) in zip(results(shape, threads: 2, Double.self), [y, dx, dw]) {
      #expect(zip(actual, expected).allSatisfy { abs($0 - $1) < 1e-11 })
    }
  }

  @Test(
    "weight gradients summed over several units of rows",
    arguments: [
      shape(2, Extent(4, 64, 64), 96, 40, Extent(3, 1, 1), Extent(1, 1, 1)),
      shape(1, Extent(2, 120, 120), 64, 32, Extent(1, 3, 3), Extent(1, 2, 2)),
    ])
  func units(shape: ConvolutionShape) {
    let shared = ConvolutionChoice.methods(shape, .backwardWeights).filter { "\($0)".contains("-shared") }
    #expect(!shared.isEmpty)
    func gradient(_ method: ConvolutionMethod, threads: Int) -> [Float] {
      var choice = ConvolutionChoice()
      choice.forced = method
      return results(
        shape, KernelConvolution(shapes: [shape], pool: WorkerPool(threads: threads), choice: choice, path: .current),
        activating: true)[2]
    }
    for method in shared where !method.usesBFloat16 || KernelPath.current.hasBFloat16 {
      let alone = ConvolutionMethod("\(method)".replacingOccurrences(of: "-shared", with: ""))!
      let (actual, expected) = (gradient(method, threads: 2), gradient(alone, threads: 2))
      #expect(actual == gradient(method, threads: 1), "\(method)")
      let difference = zip(actual, expected).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
      let norm = expected.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect((difference / norm).squareRoot() < (method.usesBFloat16 ? 1e-3 : 1e-5), "\(method)")
    }
  }

  @Test("1, 2 and 4 threads give the same bits", arguments: shapes)
  func threads(shape: ConvolutionShape) {
    for method in ConvolutionChoice.methods(shape, .backwardWeights)
    where !method.usesBFloat16 || KernelPath.current.hasBFloat16 {
      var choice = ConvolutionChoice()
      choice.forced = method
      let all = [1, 2, 4].map { threads in
        results(
          shape,
          KernelConvolution(shapes: [shape], pool: WorkerPool(threads: threads), choice: choice, path: .current))
      }
      let isSame = all[0] == all[1] && all[0] == all[2]
      #expect(isSame, "\(method)")
    }
  }
}

@Suite("Element-wise kernels")
struct ElementwiseTests {
  /// Every element-wise kernel on one path; `count` rows of `channels`.
  private func results<Scalar: KernelScalar>(rows: Int, channels: Int, _: Scalar.Type) -> [[Double]] {
    var noise = Noise(state: 23)
    let count = rows * channels
    func random(_ count: Int) -> [Scalar] { noise.values(count).map { Scalar($0) } }
    let (x, dy, r) = (random(count), random(count), random(count))
    let (scale, offset, mean, b) = (random(channels), random(channels), random(channels), random(channels))
    let exactMean = mean.map { Double($0) }
    var (y, z, dx, velocity) = (x, x, dy, r)
    var (sum, squares) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
    var (sums, products) = (sum, sum)
    Scalar.statistics(x, rows, channels, mean, &sum, &squares)
    Scalar.normalize(x, rows, channels, scale, offset, true, &y)
    Scalar.normalizeAdd(x, rows, channels, scale, offset, r, mean, b, &z)
    Scalar.normalizeSums(dy, x, rows, channels, scale, offset, exactMean, &sums, &products)
    Scalar.normalizeBackward(dy, x, rows, channels, scale, offset, mean, b, scale, offset, &dx)
    Scalar.mask(&dx, y, count)
    var w = dy
    Scalar.sgd(&w, &velocity, x, count, 0.3, 0.01, 0.9, 0.001, true)
    var running = r
    Scalar.running(&running, x, count, 0.3, 0.9, 0.1)
    Scalar.add(&running, dy, count)
    return [y, z, dx, w, velocity, running].map { $0.map { Double($0) } } + [sum, squares, sums, products]
  }

  @Test("every path gives the portable bits, tails included", arguments: [(3, 8), (33, 11), (1, 300), (257, 45)])
  func paths(rows: Int, channels: Int) {
    func both(_ path: KernelPath) -> ([[Double]], [[Double]]) {
      path.onThisThread {
        (
          results(rows: rows, channels: channels, Float.self), results(rows: rows, channels: channels, Double.self)
        )
      }
    }
    let (single, double) = both(.portable)
    for path in KernelPath.allCases where path.isAvailable {
      let (isSingle, isDouble) = (both(path).0 == single, both(path).1 == double)
      #expect(isSingle && isDouble, "\(path)")
    }
  }

  @Test("the float64 kernels are their formulas")
  func formulas() {
    let (rows, channels) = (5, 11)
    let actual = results(rows: rows, channels: channels, Double.self)
    var noise = Noise(state: 23)
    let x = noise.values(55), dy = noise.values(55), r = noise.values(55)
    let scale = noise.values(11), offset = noise.values(11), mean = noise.values(11), b = noise.values(11)
    var expected = [[Double]](repeating: [Double](repeating: 0, count: 11), count: 4)
    for index in 0..<55 {
      let c = index % channels
      let normal = x[index] * scale[c] + offset[c]
      let g = normal > 0 ? dy[index] : 0
      #expect(abs(actual[0][index] - max(normal, 0)) < 1e-14)
      #expect(abs(actual[1][index] - max(normal + r[index] * mean[c] + b[c], 0)) < 1e-14)
      let dx = b[c] * g + scale[c] * (x[index] - mean[c]) + offset[c]
      #expect(abs(actual[2][index] - (normal > 0 ? dx : 0)) < 1e-14)
      let d = x[index] * 0.3 + 0.001 * dy[index]
      let v = 0.9 * r[index] + d
      #expect(abs(actual[3][index] - (dy[index] - 0.01 * (d + 0.9 * v))) < 1e-14)
      #expect(abs(actual[4][index] - v) < 1e-14)
      #expect(abs(actual[5][index] - (0.9 * r[index] + 0.03 * x[index] + dy[index])) < 1e-14)
      expected[0][c] += x[index] - mean[c]
      expected[1][c] += (x[index] - mean[c]) * (x[index] - mean[c])
      expected[2][c] += g
      expected[3][c] += g * (x[index] - mean[c])
    }
    for (sums, expected) in zip(actual[6...], expected) {
      #expect(zip(sums, expected).allSatisfy { abs($0 - $1) < 1e-13 })
    }
  }
}
