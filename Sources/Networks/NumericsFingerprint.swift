internal import Tensors

/// What decides the bits of training on this machine, as one number: the hash of a small, fixed forward, backward and SGD in
/// every precision it has, and of the kernels' path and table.
package enum NumericsFingerprint {
  /// Two machines with the same fingerprint train to the same bits.
  package static func compute() -> UInt64 {
    do {
      let definition = try NetworkDefinition(name: "r2plus1d-10", classes: 7, width: 0.25)
      var hash = BitHash()
      for byte in KernelPath.numericsDescription.utf8 { hash.add(UInt64(byte)) }
      for precision in Precision.allCases where precision.isAvailable {
        // The scalar reference is slow: a smaller clip for it.
        let (frames, side) = precision == .float64 ? (4, 16) : (8, 24)
        let network = try definition.network(
          batch: 2, frames: frames, height: side, width: side, threads: 1, precision: precision, winograd: true)
        add(network, clipBytes: frames * side * side * 3, to: &hash)
      }
      return hash.value
    } catch {
      preconditionFailure("the fingerprint's network is valid: \(error)")
    }
  }

  /// OpenBLAS's configuration and core, and the path of the element-wise kernels.
  package static var description: String { KernelPath.numericsDescription }

  private static func add(_ network: any ClipNetwork, clipBytes: Int, to hash: inout BitHash) {
    let count = network.layout.count
    let storage = AlignedBuffer(byteCount: 3 * count * MemoryLayout<Float>.stride)
    defer { withExtendedLifetime(storage) {} }
    let values = storage.elements(Float.self)
    values.update(repeating: 0)
    let parameters = UnsafeMutableBufferPointer(rebasing: values[0..<count])
    let momentum = UnsafeMutableBufferPointer(rebasing: values[count..<2 * count])
    let gradient = UnsafeMutableBufferPointer(rebasing: values[2 * count..<3 * count])
    Initializer.initialize(network.layout, seed: 1, into: parameters)
    let noise = CounterGenerator(seed: 1, name: "fingerprint")
    let clips = (0..<2 * clipBytes).map { UInt8(truncatingIfNeeded: noise.bits(UInt64($0))) }
    do {
      for step in 0..<2 {
        let result = try network.train(
          parameters: UnsafeBufferPointer(parameters), clips: clips, labels: [[step], [5]], gradient: gradient)
        hash.add(result.loss.bitPattern)
        SGD.update(
          layout: network.layout, offset: 0, parameters: parameters, momentum: momentum,
          sum: UnsafeBufferPointer(gradient), scale: 0.5, options: SGDOptions(learningRate: 0.01))
      }
      for logit in try network.logits(parameters: UnsafeBufferPointer(parameters), clips: clips, count: 2) {
        hash.add(UInt64(logit.bitPattern))
      }
    } catch {
      preconditionFailure("the fingerprint's batch is valid: \(error)")
    }
    for value in parameters { hash.add(UInt64(value.bitPattern)) }
  }
}

/// FNV-1a over 64-bit words, mixed at each: to compare bits, not against an adversary.
private struct BitHash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x0000_0100_0000_01b3
    value ^= value >> 32
  }
}
