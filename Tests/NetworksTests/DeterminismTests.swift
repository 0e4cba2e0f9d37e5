import Networks
import Tensors
import Testing

@Suite("The same bits")
struct DeterminismTests {
  @Test("for 1, 2, 3 and 4 threads, and from run to run", arguments: ["r2plus1d-10", "r3d-18", "r2plus1d-101"])
  func threads(name: String) throws { try compareThreads(name, .float32) }

  @Test(
    "in mixed precision too", .enabled(if: Precision.mixed.isAvailable, "needs AVX-512 bf16"),
    arguments: ["r2plus1d-10", "r3d-18", "r2plus1d-101"])
  func mixed(name: String) throws { try compareThreads(name, .mixed) }

  private func compareThreads(_ name: String, _ precision: Precision) throws {
    func fixture(threads: Int) throws -> Fixture<Float> {
      try Fixture<Float>(name, width: 0.25, batch: 3, size: 24, threads: threads, precision: precision)
    }
    let expected = try fixture(threads: 1).train()
    for threads in 1...4 {
      let fixture = try fixture(threads: threads)
      for _ in 0..<2 {
        let actual = try fixture.train()
        #expect(actual.result == expected.result)
        #expect(isSame(actual.logits, expected.logits))
        #expect(isSame(actual.gradient, expected.gradient))
      }
    }
  }

  @Test("in float64 too")
  func float64() throws {
    let one = try Fixture<Double>("r2plus1d-10", batch: 3).train()
    let two = try Fixture<Double>("r2plus1d-10", batch: 3, threads: 2).train()
    #expect(one.result == two.result)
    #expect(isSame(one.gradient, two.gradient))
  }

  @Test("the gradient's padding is zero and every other element is set")
  func padding() throws {
    let fixture = try Fixture<Float>("r2plus1d-10", width: 0.3)
    let gradient = try fixture.train().gradient
    var inside = [Bool](repeating: false, count: gradient.count)
    for segment in fixture.network.layout.segments {
      #expect(segment.offset % 16 == 0)
      for index in segment.range { inside[index] = true }
    }
    #expect(inside.contains(false))
    for (index, value) in gradient.enumerated() where !inside[index] { #expect(value == 0) }
    #expect(gradient.allSatisfy { $0.isFinite })
  }

  /// What has not been asked for is not a number: it would show.
  @Test("parameters are read no earlier than they are asked for", arguments: ["r2plus1d-10", "r3d-18", "r2plus1d-101"])
  func parametersOnTheirWay(name: String) throws {
    let fixture = try Fixture<Float>(name)
    var noise = SplitMix(state: 5)
    let pixels = (0..<2 * 8 * 16 * 16 * 3).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
    let count = fixture.parameters.count
    func train(_ parameters: [Float], _ onNeed: (Int, UnsafeMutableBufferPointer<Float>) -> Void) throws -> [Float] {
      var (parameters, gradient) = (parameters, [Float](repeating: 0, count: count))
      try gradient.withUnsafeMutableBufferPointer { gradient in
        try parameters.withUnsafeMutableBufferPointer { parameters in
          _ = try fixture.network.train(
            parameters: UnsafeBufferPointer(parameters), clips: pixels, labels: fixture.labels.map { [$0] },
            gradient: gradient, onNeed: { onNeed($0, parameters) })
        }
      }
      return gradient
    }
    var needs: [Int] = []
    let expected = try train(fixture.parameters) { need, _ in needs.append(need) }
    let late = try train([Float](repeating: .nan, count: count)) { need, parameters in
      for index in 0..<need { parameters[index] = fixture.parameters[index] }
    }
    #expect(isSame(late, expected))
    #expect(needs == needs.sorted() && needs.count > 4 && needs[0] < needs.last! / 4)
    #expect(needs.last! == fixture.network.layout.segment(named: "fc.bias")!.range.upperBound)
  }

  @Test("fewer clips than the batch give what a network of that size gives")
  func partialBatch() throws {
    let large = try Fixture<Float>("r2plus1d-10", batch: 3)
    let small = try Fixture<Float>("r2plus1d-10", batch: 2)
    #expect(large.parameters == small.parameters)
    var gradient = [Float](repeating: 0, count: large.parameters.count)
    let (result, logits) = try gradient.withUnsafeMutableBufferPointer { gradient in
      try small.parameters.withUnsafeBufferPointer { parameters in
        try small.clips.withUnsafeBufferPointer {
          try large.network.train(
            parameters: parameters, normalizedClips: $0, labels: small.labels, gradient: gradient)
        }
      }
    }
    let expected = try small.train()
    #expect(result == expected.result)
    #expect(isSame(logits, expected.logits))
    #expect(isSame(gradient, expected.gradient))
  }

  @Test("pixels and normalised clips are the same input")
  func pixels() throws {
    let fixture = try Fixture<Double>("r2plus1d-10")
    let (batch, frames, size) = (2, 8, 16)
    var noise = SplitMix(state: 3)
    let pixels = (0..<batch * frames * size * size * 3).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
    var normalized = [Double](repeating: 0, count: pixels.count)
    let positions = frames * size * size
    for clip in 0..<batch {
      for channel in 0..<3 {
        for position in 0..<positions {
          let pixel = Double(pixels[(clip * positions + position) * 3 + channel])
          normalized[(clip * 3 + channel) * positions + position] =
            (pixel / 255 - ClipNormalization.mean[channel]) / ClipNormalization.deviation[channel]
        }
      }
    }
    try fixture.parameters.withUnsafeBufferPointer { parameters in
      let fromPixels = try fixture.network.logits(parameters: parameters, clips: pixels, count: batch)
      let fromFloats = try normalized.withUnsafeBufferPointer {
        try fixture.network.logits(parameters: parameters, normalizedClips: $0, count: batch, mode: .eval)
      }
      #expect(fromPixels == fromFloats)
    }
  }

  @Test("the fingerprint is stable")
  func fingerprint() {
    #expect(NumericsFingerprint.compute() == NumericsFingerprint.compute())
    #expect(NumericsFingerprint.description.contains("OpenBLAS"))
  }
}

/// Compared outside of `#expect`, whose report of a failure would search for the shortest difference.
private func isSame<Element: Equatable>(_ a: [Element], _ b: [Element]) -> Bool { a == b }
