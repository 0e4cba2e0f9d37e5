import Corpus
import Foundation
import Networks
import Tensors
import Testing

import Deduplication

/// An index of videos that nobody opens.
final class FakeIndex {
  let directory: String

  /// - Parameter splits: of each video.
  init(_ splits: [Split]) throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("features-\(UUID())").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let lines = splits.enumerated().map { number, split in
      #"{"file": "\#(number).mp4", "labels": ["a"], "hashtags": ["a"], "split": "\#(split.rawValue)"}"#
    }
    try lines.joined(separator: "\n").write(toFile: "\(directory)/manifest.jsonl", atomically: true, encoding: .utf8)
    try "a\n".write(toFile: "\(directory)/labels.txt", atomically: true, encoding: .utf8)
    _ = try CorpusBuilder.build(
      directory: directory, labelsFile: nil,
      prober: { _ throws(ProbeFailure) in
        ProbedVideo(
          frameCount: 100, width: 340, height: 256, framesPerSecond: 25, codec: "h264", byteCount: 5000)
      })
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func corpus() throws -> Corpus { try Corpus(directory: directory) }

  /// Rows by the numbers of the videos.
  func rows() throws -> [Int] {
    var rows: [String: Int] = [:]
    var videos = VideoCursor(try corpus(), splits: Split.allCases)
    while let video = try videos.next() { rows[video.file] = video.id }
    return try (0..<rows.count).map { try #require(rows["\($0).mp4"]) }
  }

  /// Writes a file of features and gives its path.
  func features(
    _ name: String, _ features: [[Float]], rows: [Int], seconds: [Float]? = nil, metadata: [String: String] = [:]
  ) throws -> String {
    let path = "\(directory)/\(name).safetensors"
    var tensors = [
      tensor("features", .float32, [features.count, features[0].count], features.flatMap(\.self)),
      tensor("rows", .int64, [rows.count], rows.map { Int64($0) }),
    ]
    if let seconds { tensors.append(tensor("seconds", .float32, [seconds.count], seconds)) }
    try Safetensors.write(tensors, metadata: metadata, to: path)
    return path
  }
}

private func tensor<Element: BitwiseCopyable>(
  _ name: String, _ type: ElementType, _ dimensions: [Int], _ values: [Element]
) -> Safetensors.Tensor {
  let buffer = AlignedBuffer(byteCount: values.count * type.byteCount)
  values.withUnsafeBytes { buffer.bytes.copyMemory(from: $0) }
  return Safetensors.Tensor(name: name, elementType: type, dimensions: dimensions, buffer: buffer)
}

@Suite struct FeatureTests {
  private func message(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return ""
  }

  @Test func copiesAreThoseWithNearFeatures() throws {
    let (source, target) = (
      try FakeIndex([.train, .train, .train, .validation, .train]), try FakeIndex([.train, .test])
    )
    let (rows, others) = (try source.rows(), try target.rows())
    let targetFile = try target.features(
      "t", [[0, 2, 0], [0, 0, 1], [1, 0, 0]], rows: [others[0], others[1], others[1]], seconds: [0.5, 1, 1.5])
    // Video 0 has a frame like the second target's first and one that is nothing's; 1 is 0.2 away from the first target; 2 is
    // beyond twice the distance; 3 is not trained on; 4 has no features.
    let first = try source.features(
      "a", [[0, 0.1, 5], [-1, 1, 1], [0, 8, 6]], rows: [rows[0], rows[0], rows[1]], seconds: [2, 3, 0],
      metadata: ["corpus": try source.corpus().fingerprint])
    let second = try source.features("b", [[1, -3, 0], [1, 0, 0]], rows: [rows[2], rows[3]])
    for workers in [1, 3] {
      let deduplicator = try Deduplicator(source.corpus(), against: [target.corpus()], workers: workers)
      let (report, pairs) = try deduplicator.byFeatures(
        [first, second], targetFiles: [targetFile], distance: 0.15, progress: { _, _, _ in })
      #expect(pairs.map(\.file) == ["0.mp4", "1.mp4"] && pairs.map(\.targetFile) == ["1.mp4", "0.mp4"])
      #expect(pairs.map(\.dropped) == [true, false])
      #expect(abs(pairs[0].distance - 0.0002) < 1e-5 && abs(pairs[1].distance - 0.2) < 1e-5)
      #expect(pairs.map(\.seconds) == [2, 0] && pairs.map(\.targetSeconds) == [1, 0.5])
      #expect(report.videos == 4 && report.targets == 2 && report.dropped == 1)
      #expect(report.withoutDescriptors == 1 && report.targetsWithoutDescriptors == 0)
      #expect(report.descriptors == 4 && report.targetDescriptors == 3)
      #expect(try deduplicator.subset(without: pairs, of: report).videos == 3)
      let all = try deduplicator.byFeatures(
        [try source.features("all", (0..<4).map { _ in [0, 1, 0] }, rows: [0, 1, 2, 4].map { rows[$0] })],
        targetFiles: [targetFile], distance: 0.15, progress: { _, _, _ in })
      let text = message { _ = try deduplicator.subset(without: all.pairs, of: all.report) }
      #expect(
        all.report.dropped == 4
          && text.contains("\(source.directory): all 4 videos to train on are copies within 0.15 of"))
    }
  }

  @Test func theDistanceOfFeaturesHasTheRecall() throws {
    let (source, target) = (try FakeIndex([Split](repeating: .train, count: 10)), try FakeIndex([.train]))
    // Videos 0 to 7 are copies, ever further off, the others are not.
    let angles: [Float] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.55, 2]
    let features = try source.features("s", angles.map { [cos($0), sin($0)] }, rows: try source.rows())
    let other = try target.features("t", [[1, 0]], rows: [0])
    let truth = (0..<10).map {
      $0 < 8 ? #"{"file":"\#($0).mp4","copy_kind":"k\#($0 % 2)"}"# : #"{"file":"\#($0).mp4"}"#
    }
    try truth.joined(separator: "\n").write(
      toFile: "\(source.directory)/truth.jsonl", atomically: true, encoding: .utf8)
    let result = try FeatureCalibration.run(
      target: try target.corpus(), targetFile: other, copies: try source.corpus(), files: [features], recall: 0.75,
      workers: 1, progress: { _, _, _ in })
    #expect(abs(result.distance - (1 - cos(0.6))) < 2e-4)
    #expect(result.copies == 8 && result.recall == 0.75 && result.recallByKind == ["k0": 0.75, "k1": 0.75])
    #expect(result.unrelated == 2 && result.unrelatedShare == 0.5 && result.targets == 1)
  }

  @Test func theTruthIsRead() throws {
    let (source, target) = (try FakeIndex([.train, .train]), try FakeIndex([.train]))
    let features = try source.features("s", [[1, 0], [0, 1]], rows: try source.rows())
    let other = try target.features("t", [[1, 0]], rows: [0])
    func run() throws -> FeatureCalibration {
      try FeatureCalibration.run(
        target: try target.corpus(), targetFile: other, copies: try source.corpus(), files: [features], recall: 0.75,
        workers: 1, progress: { _, _, _ in })
    }
    let path = "\(source.directory)/truth.jsonl"
    let missing = message { _ = try run() }
    #expect(missing.hasPrefix("\(path): cannot be read; ") && missing.contains("synthesize --copies-of"))
    let good = #"{"file":"0.mp4","copy_kind":"k"}"#
    for bad in ["nonsense", "{}", #"{"file":0}"#, #"{"file":"1.mp4","copy_kind":7}"#, "\"\u{1}"] {
      try "\(good)\n\n\(bad)\n".write(toFile: path, atomically: true, encoding: .utf8)
      #expect(message { _ = try run() }.hasPrefix("\(path):3: not a JSON object with the text `file`"))
    }
    try "\(good)\n\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try run().copies == 1)
  }

  @Test func aCorpusWithNothingToTrainOnHasNoCopies() throws {
    let (source, target) = (try FakeIndex([.validation]), try FakeIndex([.train]))
    let (file, other) = (try source.features("s", [[1, 0]], rows: [0]), try target.features("t", [[1, 0]], rows: [0]))
    let deduplicator = try Deduplicator(source.corpus(), against: [target.corpus()], workers: 1)
    let (report, pairs) = try deduplicator.byFeatures(
      [file], targetFiles: [other], distance: 0.1, progress: { _, _, _ in })
    #expect(pairs.isEmpty)
    #expect(
      message { _ = try deduplicator.subset(without: pairs, of: report) }.contains("has 0 such videos to train on"))
  }

  @Test func targetsAreOthersAndEachOnce() throws {
    let (source, target) = (try FakeIndex([.train, .train]), try FakeIndex([.train]))
    let (corpus, other) = (try source.corpus(), try target.corpus())
    let itself = message { _ = try Deduplicator(corpus, against: [other, corpus], workers: 1) }
    #expect(itself.contains("\(source.directory): has the index of \(source.directory) itself"))
    let twice = message { _ = try Deduplicator(corpus, against: [other, other], workers: 1) }
    #expect(twice.contains("\(target.directory): has the same index as \(target.directory); give each target once"))
  }

  /// More rows than one product has, with known nearest ones.
  @Test func everyRowIsCompared() throws {
    let (source, target) = (try FakeIndex([.train]), try FakeIndex([.train, .train]))
    var random = CounterRandom(seed: 4)
    func vector() -> [Float] { (0..<8).map { _ in Float(random.integer(below: 1000)) - 499.5 } }
    let targets = (0..<2100).map { _ in vector() }
    let others = try target.rows()
    let file = try target.features(
      "t", targets, rows: targets.indices.map { others[$0 % 2] }, seconds: targets.indices.map { Float($0) })
    let wanted = [0, 1023, 1024, 2099]
    for place in wanted {
      // All but one of 600 rows are another's opposite.
      var rows = [[Float]](repeating: targets[5].map { -$0 }, count: 600)
      rows[place % 600] = targets[place].map { $0 * 3 }
      let features = try source.features("s", rows, rows: [Int](repeating: try source.rows()[0], count: 600))
      let (_, pairs) = try Deduplicator(source.corpus(), against: [target.corpus()], workers: 2)
        .byFeatures([features], targetFiles: [file], distance: 1e-5, progress: { _, _, _ in })
      #expect(pairs.map(\.targetSeconds) == [Float(place)])
      #expect(pairs.allSatisfy { $0.dropped && $0.targetFile == "\(place % 2).mp4" && $0.seconds == 2 })
    }
  }

  @Test func filesThatDoNotFitAreNamed() throws {
    let (source, target) = (try FakeIndex([.train, .train]), try FakeIndex([.train]))
    let rows = try source.rows()
    let other = try target.features("t", [[1, 0]], rows: [0])
    let deduplicator = try Deduplicator(source.corpus(), against: [target.corpus()], workers: 1)
    func message(_ file: String) -> String {
      self.message {
        _ = try deduplicator.byFeatures([file], targetFiles: [other], distance: 0.1, progress: { _, _, _ in })
      }
    }
    let wide = try source.features("wide", [[1, 0, 0]], rows: [0])
    #expect(message(wide).contains("\(wide): rows of 3 features, those of \(other) have 2"))
    #expect(
      message(try source.features("row", [[1, 0], [1, 0]], rows: [1, 2])).contains("2 at place 1, which is no row"))
    #expect(message(try source.features("row", [[1, 0]], rows: [-1])).contains("-1 at place 0"))
    let name = "\(rows.firstIndex(of: 1) ?? -1).mp4"
    for bad: [Float] in [[.nan, 1], [0, 0], [.infinity, 0]] {
      let text = message(try source.features("bad", [[1, 0], bad], rows: [0, 1]))
      #expect(text.contains("row 1 of `features`, of \(name), is not finite or all zeros"), "\(text)")
    }
    #expect(message(try source.features("few", [[1, 0], [0, 1]], rows: [0])).contains("`rows` has the shape [1]"))
    #expect(
      message(try source.features("old", [[1, 0]], rows: [0], metadata: ["corpus": "0123"])).contains("another index"))
    #expect(
      message(try source.features("late", [[1, 0]], rows: [0], seconds: [-1])).contains("row 0 of `seconds` is -1.0"))
    let path = "\(source.directory)/half.safetensors"
    try Safetensors.write([tensor("features", .float64, [1, 2], [1.0, 0.0])], metadata: [:], to: path)
    #expect(message(path).contains("of float64; it must be (rows, dimensions) of float32"))
    try Safetensors.write([tensor("rows", .int64, [1], [Int64(0)])], metadata: [:], to: path)
    #expect(message(path).contains("has no tensor `features`"))
    #expect(message("\(source.directory)/none.safetensors").contains("none.safetensors"))
  }
}
