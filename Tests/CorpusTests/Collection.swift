import Corpus
import Foundation

/// A corpus directory in a temporary place, removed with the value.
final class Collection {
  let directory: String

  init(manifest: [String], labels: String? = nil) throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("corpus-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try write(manifest.joined(separator: "\n") + "\n", to: "manifest.jsonl")
    if let labels { try write(labels, to: "labels.txt") }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: directory)
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
  }

  /// Builds with a prober that needs no files: the name says what is wrong, its length how long the video is.
  func build(seed: UInt64 = 0, workers: Int = 2, labelsFile: String? = nil) throws -> CorpusBuildReport {
    try CorpusBuilder.build(
      directory: directory, labelsFile: labelsFile, seed: seed, workers: workers, prober: fakeProbe)
  }
}

let fakeProbe: VideoProber = { path throws(ProbeFailure) in
  if path.contains("damaged") { throw ProbeFailure(reason: "no video stream", isTransient: false) }
  if path.contains("locked") { throw ProbeFailure(reason: "too many open files", isTransient: true) }
  return ProbedVideo(
    frameCount: 100 + path.utf8.last.map(Int.init)!, width: 340, height: 256, framesPerSecond: 25, codec: "h264",
    byteCount: 5000, modifiedSeconds: 1_700_000_000)
}

/// A line of a manifest.
func line(_ file: String, tags: [String] = [], labels: [String]? = nil, split: String? = "train") -> String {
  func list(_ texts: [String]) -> String { "[\(texts.map { "\"\($0)\"" }.joined(separator: ","))]" }
  var parts = ["\"file\": \"\(file)\"", "\"hashtags\": \(list(tags))"]
  if let labels { parts.append("\"labels\": \(list(labels))") }
  if let split { parts.append("\"split\": \"\(split)\"") }
  return "{\(parts.joined(separator: ", "))}"
}

/// The error `body` throws.
func corpusError(_ body: () throws -> Void) -> CorpusError? {
  do {
    try body()
    return nil
  } catch {
    return error as? CorpusError
  }
}
