import Foundation
import Networks
import Tensors
import Testing

@Suite("Networks on files")
struct NetworkFilesTests {
  private let directory: TemporaryDirectory
  private let fixture: Fixture<Double>
  private let weights: String
  private let input: String

  init() throws {
    directory = try TemporaryDirectory()
    fixture = try Fixture<Double>("r2plus1d-10")
    weights = directory.file("weights.safetensors")
    input = directory.file("input.safetensors")
    try fixture.parameters.withUnsafeBufferPointer {
      try Weights.save($0, layout: fixture.network.layout, metadata: ["width": "0.125"], to: weights)
    }
    try Safetensors.write(
      [tensor("clips", [2, 3, 8, 16, 16], fixture.clips), tensor("labels", [2], fixture.labels.map { Int64($0) })],
      metadata: [:], to: input)
  }

  private func tensor<Element: BitwiseCopyable>(
    _ name: String, _ shape: [Int], _ values: [Element]
  ) -> Safetensors.Tensor {
    let buffer = AlignedBuffer(byteCount: values.count * MemoryLayout<Element>.stride)
    _ = buffer.elements(Element.self).update(fromContentsOf: values)
    return Safetensors.Tensor(
      name: name,
      elementType: Element.self == Int64.self ? .int64 : Element.self == UInt8.self ? .uint8 : .float64,
      dimensions: shape, buffer: buffer)
  }

  private func files(_ output: String, precision: Precision = .float64) -> NetworkFiles {
    NetworkFiles(
      name: "r2plus1d-10", weights: weights, input: input, output: directory.file(output), precision: precision)
  }

  private func values(_ file: String, _ name: String) throws -> [Double] {
    let tensors = try Safetensors.read(directory.file(file)).tensors
    defer { withExtendedLifetime(tensors) {} }
    let tensor = try #require(tensors.first { $0.name == name }, "\(name)")
    return tensor.elementType == .float32
      ? tensor.buffer.elements(Float.self).map { Double($0) } : Array(tensor.buffer.elements(Double.self))
  }

  @Test("gradients: loss, logits, every gradient, updated running statistics")
  func gradients() throws {
    try files("out").gradients()
    let (result, logits, gradient) = try fixture.train()
    #expect(try values("out", "loss") == [result.loss])
    #expect(try values("out", "logits") == logits)
    for segment in fixture.network.layout.segments {
      let batch = gradient[segment.range]
      if segment.role == .weight || segment.role == .bias {
        #expect(try values("out", "grad.\(segment.name)") == Array(batch))
      } else {
        let updated = zip(fixture.parameters[segment.range], batch).map { 0.9 * $0 + 0.1 * $1 }
        #expect(distance(try values("out", segment.name), updated) < 1e-15)
      }
    }
  }

  @Test("gradients of several labels a clip, and of smoothed ones")
  func losses() throws {
    let rows: [UInt8] = [1, 0, 0, 1, 0, 0, 1, 1, 0, 1]
    var sigmoid = files("out")
    sigmoid.loss = .sigmoid
    try Safetensors.write(
      [tensor("clips", [2, 3, 8, 16, 16], fixture.clips), tensor("labels", [2, 5], rows)], metadata: [:], to: input)
    try sigmoid.gradients()
    let logits = try values("out", "logits")
    let losses = zip(logits, rows).map { logit, target in
      -log(Metrics.sigmoid(target == 1 ? logit : -logit))
    }
    #expect(abs(try values("out", "loss")[0] - losses.reduce(0, +) / 10) < 1e-12)
    let bias = (0..<5).map { index in
      (0..<2).reduce(0) { $0 + (Metrics.sigmoid(logits[$1 * 5 + index]) - Double(rows[$1 * 5 + index])) / 10 }
    }
    #expect(distance(try values("out", "grad.fc.bias"), bias) < 1e-12)

    var smoothed = files("out")
    smoothed.loss = .softmax(smoothing: 0.5)
    try smoothed.gradients()
    let first = try values("out", "loss")[0]
    try files("out").gradients()
    #expect(try values("out", "loss")[0] != first)
  }

  @Test("forward, in both modes and precisions")
  func forward() throws {
    for mode in [Network<Double>.Mode.eval, .train] {
      let expected = try fixture.logits(mode)
      try files("out").forward(batchStatistics: mode == .train)
      #expect(try values("out", "logits") == expected)
      try files("out", precision: .float32).forward(batchStatistics: mode == .train)
      #expect(distance(try values("out", "logits"), expected) < 1e-4)
      guard KernelPath.current.hasBFloat16 else { continue }
      try files("out", precision: .mixed).forward(batchStatistics: mode == .train)
      let mixed = distance(try values("out", "logits"), expected)
      // Statistics of two clips amplify the rounding.
      #expect(
        mixed > 1e-5 && mixed < (mode == .eval ? 0.02 : 0.4), "\(mixed): rounded to bfloat16, and no more than that")
    }
  }

  @Test("what is missing or unavailable is an error that says so")
  func errors() throws {
    try Safetensors.write([tensor("clips", [2, 3, 8, 16, 16], fixture.clips)], metadata: [:], to: input)
    let labels = #expect(throws: NetworkError.self) { try files("out").gradients() }
    #expect(try #require(labels).message.contains("labels"))
    try Safetensors.write(
      [tensor("clips", [3, 8, 32, 16], [Double](fixture.clips.prefix(12288)))], metadata: [:], to: input)
    let clips = #expect(throws: NetworkError.self) { try files("out").forward(batchStatistics: false) }
    #expect(try #require(clips).message.contains("(N, 3, T, H, W)"))
    try Safetensors.write([], metadata: [:], to: weights)
    try Safetensors.write([tensor("clips", [2, 3, 8, 16, 16], fixture.clips)], metadata: [:], to: input)
    #expect(throws: NetworkError.self) { try files("out").forward(batchStatistics: false) }
  }

  @Test("the benchmark reports what it ran")
  func benchmark() throws {
    let definition = try NetworkDefinition(name: "r2plus1d-10", classes: 4, width: 0.125)
    let result = try TrainBenchmark(
      definition: definition, batch: 2, frames: 4, size: 16, threads: 1, steps: 2, precision: .float32
    ).run()
    #expect(result.network == "r2plus1d-10" && result.batch == 2 && result.frames == 4)
    #expect(result.secondsPerStep > 0 && result.gflops > 0 && result.peakRSSBytes > 1 << 20)
    let mixed = TrainBenchmark(
      definition: definition, batch: 2, frames: 4, size: 16, threads: 1, steps: 1, precision: .mixed)
    if KernelPath.current.hasBFloat16 {
      #expect(try mixed.run().precision == "mixed")
    } else {
      let error = #expect(throws: NetworkError.self) { try mixed.run() }
      #expect(try #require(error).message.contains("needs a processor with AVX-512 bf16"))
    }
  }
}
