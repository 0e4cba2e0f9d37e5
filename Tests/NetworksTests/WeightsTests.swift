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
