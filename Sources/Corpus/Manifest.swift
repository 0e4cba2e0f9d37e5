internal import Foundation

/// One line of `manifest.jsonl`.
struct ManifestRow: Sendable {
  /// Line number in the manifest, from 1; of members of a shard, that of the shard's row.
  let line: Int
  let file: String
  let hashtags: [String]
  let labels: [String]
  let split: Split?
  /// The segment in seconds; nil for the file's own beginning and end.
  let startSeconds: Double?
  let endSeconds: Double?
}

/// Reads `manifest.jsonl`: one JSON object a line; empty lines are passed over, keys it does not know are ignored.
///
/// A row names a `file` (a path, a URL, or `SHARD.tar#MEMBER`), or a `shard`, which stands for all videos in it.
enum Manifest {
  /// Mistakes that are listed before the rest is only counted.
  private static let listedMistakes = 20
  /// No video is longer, and seconds beyond it would not fit the arithmetic on frames.
  static let longestSeconds = 1e8

  /// What a directory holds.
  struct Contents {
    var rows: [ManifestRow] = []
    /// Videos of shards whose JSON cannot be used.
    var leftOut: [CorpusBuildReport.LeftOut] = []
  }

  /// The rows of a directory: of its manifest or, without one, of all its tar shards.
  static func read(directory: String) throws(CorpusError) -> Contents {
    let path = directory + "/manifest.jsonl"
    let shards = Shards.names(in: directory)
    guard !FileManager.default.fileExists(atPath: path), !shards.isEmpty else { return try read(path: path, directory) }
    var reader = Shards(directory: directory)
    var contents = Contents()
    for shard in shards { append(shard, line: 0, split: nil, from: &reader, to: &contents) }
    guard !contents.rows.isEmpty else {
      let first = contents.leftOut.first.map { "; \($0.file): \($0.reason)" } ?? ""
      throw CorpusError(.manifest, "\(directory): its \(shards.count) shards hold no video that can be used\(first)")
    }
    return contents
  }

  /// Appends the videos of a shard. Those with a JSON that cannot be used are left out, and so is what a shard has lost.
  private static func append(
    _ shard: String, line: Int, split: String?, from shards: inout Shards, to contents: inout Contents
  ) {
    let samples: [Shards.Sample]
    do throws(CorpusError) {
      let damage: String?
      (samples, damage) = try shards.samples(shard)
      if let damage { contents.leftOut.append(.init(line: line, file: shard, reason: damage)) }
    } catch {
      return contents.leftOut.append(.init(line: line, file: shard, reason: error.message))
    }
    for sample in samples {
      do throws(Mistake) {
        var object = try sample.json.map { bytes throws(Mistake) in try decode(Data(bytes)) } ?? Line()
        object.file = sample.file
        object.split = object.split ?? split
        contents.rows.append(try row(object, line: line))
      } catch {
        contents.leftOut.append(.init(line: line, file: sample.file, reason: "its JSON: \(error.message)"))
      }
    }
  }

  private static func read(path: String, _ directory: String) throws(CorpusError) -> Contents {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw CorpusError(
        .manifest,
        "\(path): cannot be read; a corpus directory needs a manifest.jsonl with one JSON object a line, or tar shards")
    }
    var contents = Contents()
    var mistakes: [String] = []
    var mistakeCount = 0
    var shards = Shards(directory: directory)
    for (index, bytes) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
    where bytes.contains(where: { !$0.isJSONSpace }) {
      var mistake: String?
      do {
        var object = try decode(Data(bytes))
        if let shard = object.shard {
          append(shard, line: index + 1, split: object.split, from: &shards, to: &contents)
        } else {
          object.file = object.file.map { shards.located($0) }
          contents.rows.append(try row(object, line: index + 1))
        }
      } catch {
        mistake = error.message
      }
      guard let mistake else { continue }
      mistakeCount += 1
      if mistakes.count < listedMistakes { mistakes.append("\(path):\(index + 1): \(mistake)") }
    }
    guard mistakeCount == 0 else {
      if mistakeCount > mistakes.count { mistakes.append("\(path): and \(mistakeCount - mistakes.count) more") }
      throw CorpusError(.manifest, mistakes.joined(separator: "\n"))
    }
    guard !contents.rows.isEmpty || !contents.leftOut.isEmpty else {
      throw CorpusError(.manifest, "\(path): has no row")
    }
    return contents
  }

  private struct Mistake: Error {
    let message: String
  }

  /// The JSON of a line, before its values are checked.
  private struct Line: Decodable {
    var file: String?
    var shard: String?
    var hashtags: [String]?
    var labels: [String]?
    var split: String?
    var start: Double?
    var end: Double?
  }

  private static func decode(_ bytes: Data) throws(Mistake) -> Line {
    do {
      return try JSONDecoder().decode(Line.self, from: bytes)
    } catch {
      throw Mistake(message: describe(error))
    }
  }

  private static func row(_ object: Line, line: Int) throws(Mistake) -> ManifestRow {
    guard let file = object.file else { throw Mistake(message: "`file` is missing") }
    guard !file.isEmpty, !file.utf8.contains(0) else { throw Mistake(message: "`file` is empty") }
    let split = object.split.flatMap { Split(rawValue: $0) }
    if let text = object.split, split == nil {
      throw Mistake(message: "`split` is \"\(text.prefix(40))\"; expected train, validation or test")
    }
    let start = object.start ?? 0
    let end = object.end ?? longestSeconds
    guard start >= 0, start < end, end <= longestSeconds else {
      throw Mistake(
        message: "not a segment: `start` must be at least 0 and below `end`, and `end` at most 100000000 (seconds)")
    }
    return ManifestRow(
      line: line, file: file, hashtags: object.hashtags ?? [], labels: object.labels ?? [], split: split,
      startSeconds: object.start, endSeconds: object.end)
  }

  private static func describe(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, _): "`\(key.stringValue)` is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      context.codingPath.isEmpty
        ? "expected a JSON object" : "`\(context.codingPath[0].stringValue)` has the wrong type"
    default: "not a JSON object"
    }
  }
}

extension UInt8 {
  fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0D }
}
