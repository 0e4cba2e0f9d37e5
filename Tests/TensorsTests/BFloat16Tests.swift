import Tensors
import Testing

@Suite struct BFloat16Tests {
  private func round(_ values: [Float]) -> [Float] {
    var halves = [UInt16](repeating: 0, count: values.count)
    values.withUnsafeBufferPointer { values in
      halves.withUnsafeMutableBufferPointer { BFloat16.round(values, to: $0.baseAddress!) }
    }
    var result = [Float](repeating: -1, count: values.count)
    halves.withUnsafeBytes { halves in
      result.withUnsafeMutableBufferPointer { BFloat16.widen(halves, to: $0.baseAddress!) }
    }
    return result
  }

  @Test func roundsToTheNearestAndTiesToEven() {
    let step: Float = 1 / 128
    let exact: [Float] = [0, 1, -2, 1 + step, .infinity, -.infinity]
    #expect(round(exact) == exact)
    #expect(round([1 + step / 2, 1 + 3 * step / 2]) == [1, 1 + 2 * step], "halfway")
    #expect(round([1 + step / 2 + 1e-6, -(1 + step / 2 + 1e-6)]) == [1 + step, -1 - step])
    #expect(round([1 + step / 2 - 1e-6]) == [1])
    #expect(round([.greatestFiniteMagnitude]) == [.infinity])
    let noNumbers = round([.nan, Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0xffff_ffff)])
    #expect(noNumbers.allSatisfy { $0.isNaN })
  }
}
