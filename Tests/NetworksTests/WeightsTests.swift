import Foundation
import Networks
import Tensors
import Testing

/// A directory that is removed when the value goes.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "sluice-networks-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }
}

@Suite("Weights files")
struct WeightsTests {
  private let directory: TemporaryDirectory
  private let definition: NetworkDefinition
  private let layout: ParameterLayout

  init() throws {
    directory = try TemporaryDirectory()
    definition = try NetworkDefinition(name: "r2plus1d-10", classes: 5, width: 0.125)
    layout = try ParameterLayout(definition)
  }

  private func initial(_ layout: ParameterLayout, seed: UInt64 = 1) -> [Float] {
    var vector = [Float](repeating: .nan, count: layout.count)
    vector.withUnsafeMutableBufferPointer { Initializer.initialize(layout, seed: seed, into: $0) }
    return vector
  }

  private func save(_ vector: [Float], _ layout: ParameterLayout, _ name: String) throws -> String {
    let path = directory.file(name)
    try vector.withUnsafeBufferPointer {
      try Weights.save($0, layout: layout, metadata: ["network": "r2plus1d-10", "labels": "a\n\"b\""], to: path)
    }
    return path
  }

  @Test("come back as they were, with their metadata and digest")
  func roundTrip() throws {
    let vector = initial(layout)
    let path = try save(vector, layout, "w.safetensors")
    var read = [Float](repeating: .nan, count: layout.count)
    let metadata = try read.withUnsafeMutableBufferPointer {
      try Weights.load(path, layout: layout, definition: definition, head: .keep, into: $0)
    }
    #expect(read == vector)
    #expect(metadata == ["network": "r2plus1d-10", "labels": "a\n\"b\""])
    let digests = [vector, read, initial(layout, seed: 2)].map { vector in
      vector.withUnsafeBufferPointer { Weights.sha256($0, layout: layout) }
    }
    #expect(digests[0] == digests[1] && digests[0] != digests[2] && digests[0].count == 64)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["w.safetensors"])
    let tracked = try Safetensors.read(path).tensors.filter { $0.name.hasSuffix("num_batches_tracked") }
    #expect(tracked.count == layout.segments.count { $0.role == .runningMean })
    #expect(tracked.allSatisfy { $0.elementType == .int64 && $0.dimensions.isEmpty })
  }

  @Test("the digest does not depend on padding or construction order")
  func digest() throws {
    // SHA-256 over the tensors of the written file, in bytewise order of their names.
    var vector = initial(layout)
    let expected = vector.withUnsafeBufferPointer { Weights.sha256($0, layout: layout) }
    let padding = try #require(
      (0..<layout.count).first { index in !layout.segments.contains { $0.range.contains(index) } })
    vector[padding] = 1
    #expect(vector.withUnsafeBufferPointer { Weights.sha256($0, layout: layout) } == expected)
  }

  @Test("of another network list every tensor that does not fit")
  func mismatch() throws {
    let other = try ParameterLayout(NetworkDefinition(name: "r2plus1d-18", classes: 7, width: 0.125))
    let path = try save(initial(other), other, "other.safetensors")
    var vector = [Float](repeating: 3, count: layout.count)
    let error = #expect(throws: NetworkError.self) {
      try vector.withUnsafeMutableBufferPointer {
        try Weights.load(path, layout: layout, definition: definition, into: $0)
      }
    }
    let message = try #require(error).message
    #expect(message.contains("unexpected: layer1.1.conv1.0.0.weight"))
    #expect(message.contains("fc.weight [7, 64], not [5, 64]"))
    #expect(message.contains("other.safetensors"))
    #expect(vector.allSatisfy { $0 == 3 }, "a failed load leaves the vector alone")
  }

  @Test("with another head load when a new one is asked for")
  func newHead() throws {
    let other = try ParameterLayout(NetworkDefinition(name: "r2plus1d-10", classes: 7, width: 0.125))
    let source = initial(other, seed: 9)
    let path = try save(source, other, "head.safetensors")
    let own = initial(layout)
    var vector = own
    _ = try vector.withUnsafeMutableBufferPointer {
      try Weights.load(path, layout: layout, definition: definition, head: .new, into: $0)
    }
    for segment in layout.segments {
      let expected =
        segment.name.hasPrefix("fc.") ? own[segment.range] : source[other.segment(named: segment.name)!.range]
      #expect(Array(vector[segment.range]) == Array(expected), "\(segment.name)")
    }
  }

  @Test(
    "that are damaged are an error that names the file",
    arguments: [
      "", "1234567", "\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,400]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}    ",
      "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":\"x\",\"data_offsets\":[0,4]}}    ",
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}    ",
      "[]    ", "{\"a\":    ", "{\"__metadata__\":{\"x\":1}}    ",
    ])
  func damaged(text: String) throws {
    // Text that starts with a bracket is a header: its length goes before it; the last four bytes are data.
    var bytes = Data(text.utf8)
    if let first = text.first, "[{".contains(first) {
      bytes = withUnsafeBytes(of: UInt64(bytes.count - 4).littleEndian) { Data($0) } + bytes
    }
    let path = directory.file("bad.safetensors")
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: NetworkError.self) { try Safetensors.read(path) }
    #expect(try #require(error).message.contains("bad.safetensors"))
  }

  @Test("cut off anywhere are an error")
  func truncated() throws {
    let path = try save(initial(layout), layout, "whole.safetensors")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let cut = directory.file("cut.safetensors")
    for length in [0, 1, 7, 8, 9, 100, whole.count / 2, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: cut))
      #expect(throws: NetworkError.self) { try Safetensors.read(cut) }
    }
    try (whole + [0]).write(to: URL(fileURLWithPath: cut))
    #expect(throws: NetworkError.self) { try Safetensors.read(cut) }
    #expect(throws: NetworkError.self) { try Safetensors.read(directory.path) }
    #expect(throws: NetworkError.self) { try Safetensors.read(directory.file("none")) }
    #expect(throws: NetworkError.self) {
      try Safetensors.write([], metadata: [:], to: directory.file("no/such/directory"))
    }
  }
}

@Suite("A network on frames as one on clips")
struct InflationTests {
  /// In the middle of a clip of equal frames an inflated kernel gives what the flat one gave on the frame.
  @Test("repeats kernels in time and divides them, and leaves all else as it was")
  func inflation() throws {
    let directory = try TemporaryDirectory()
    let flatDefinition = try NetworkDefinition(name: "r2d-18", classes: 5, width: 0.125)
    let deepDefinition = try NetworkDefinition(name: "r3d-18", classes: 5, width: 0.125)
    let (flat, deep) = (try ParameterLayout(flatDefinition), try ParameterLayout(deepDefinition))
    let path = directory.file("flat.safetensors")
    let source = References.parameters(flat, Float.self)
    try source.withUnsafeBufferPointer { try Weights.save($0, layout: flat, metadata: [:], to: path) }
    var vector = [Float](repeating: .nan, count: deep.count)
    _ = try vector.withUnsafeMutableBufferPointer {
      try Weights.load(path, layout: deep, definition: deepDefinition, inflate: true, into: $0)
    }
    var inflated = 0
    for segment in deep.segments {
      let original = try #require(flat.segment(named: segment.name))
      let own = Array(vector[segment.range])
      let theirs = Array(source[original.range])
      guard segment.shape.count == 5, segment.shape[2] == 3 else {
        #expect(own == theirs, "\(segment.name)")
        continue
      }
      inflated += 1
      let plane = segment.shape[3] * segment.shape[4]
      for kernel in 0..<segment.count / (3 * plane) {
        for place in 0..<plane {
          let sum = (0..<3).reduce(Float(0)) { $0 + own[(kernel * 3 + $1) * plane + place] }
          #expect(abs(sum - theirs[kernel * plane + place]) < 1e-6)
          #expect(own[kernel * 3 * plane + place] == own[(kernel * 3 + 2) * plane + place])
        }
      }
    }
    #expect(inflated == 17, "the stem and sixteen convolutions, not the three shortcuts")
    // Not asked for, and for kernels of another size in space, it is an error.
    #expect(throws: NetworkError.self) {
      try vector.withUnsafeMutableBufferPointer {
        try Weights.load(path, layout: deep, definition: deepDefinition, into: $0)
      }
    }
  }
}

@Suite("The classifier at every place")
struct CellTests {
  private let definition: NetworkDefinition
  private let pixels: [UInt8]

  init() throws {
    definition = try NetworkDefinition(name: "r2plus1d-10", classes: 6, width: 0.25)
    var noise = SplitMix(state: 8)
    pixels = (0..<2 * 4 * 48 * 48 * 3).map { _ in UInt8(truncatingIfNeeded: noise.next()) }
  }

  private func network(_ size: Int) throws -> Network<Double> {
    try Network<Double>(definition, batch: 2, frames: 4, height: size, width: size)
  }

  @Test("of clips of the trained size is the classifier itself, bit by bit")
  func sameSize() throws {
    let network = try network(48)
    let parameters = References.parameters(network.layout, Double.self)
    try parameters.withUnsafeBufferPointer {
      let cells = try network.cellLogits(parameters: $0, clips: pixels, count: 2, trained: 48)
      #expect(try cells == network.logits(parameters: $0, clips: pixels, count: 2))
    }
  }

  /// 48 pixels give a map of 3x3, 32 pixels one of 2x2: four cells. Pooling is linear and so is the classifier: averages of
  /// cells that overlap are weighted averages of the map's logits, which every single place gives when pooled alone.
  @Test("of larger clips are those of windows of the last map")
  func larger() throws {
    let network = try network(48)
    let parameters = References.parameters(network.layout, Double.self)
    try parameters.withUnsafeBufferPointer { parameters in
      func cells(_ trained: Int) throws -> [Double] {
        try network.cellLogits(parameters: parameters, clips: pixels, count: 2, trained: trained)
      }
      let places = try cells(16)
      #expect(places.count == 2 * 9 * 6)
      let windows = try cells(32)
      #expect(windows.count == 2 * 4 * 6)
      for clip in 0..<2 {
        for (window, corner) in [0, 1, 3, 4].enumerated() {
          for index in 0..<6 {
            let mean = [0, 1, 3, 4].reduce(0) { $0 + places[(clip * 9 + corner + $1) * 6 + index] } / 4
            #expect(abs(windows[(clip * 4 + window) * 6 + index] - mean) < 1e-9)
          }
        }
      }
      let whole = try network.logits(parameters: parameters, clips: pixels, count: 2)
      let mean = (0..<6).map { index in (0..<9).reduce(0) { $0 + places[$1 * 6 + index] } / 9 }
      #expect(zip(whole, mean).allSatisfy { abs($0 - $1) < 1e-9 })
    }
  }

  @Test("of smaller clips is an error")
  func smaller() throws {
    let network = try network(32)
    let parameters = References.parameters(network.layout, Double.self)
    let error = #expect(throws: NetworkError.self) {
      try parameters.withUnsafeBufferPointer {
        _ = try network.cellLogits(parameters: $0, clips: pixels, count: 2, trained: 48)
      }
    }
    #expect(try #require(error).message.contains("too small"))
  }
}
