internal import Foundation

/// One line of `manifest.jsonl`.
struct ManifestRow: Sendable {
  /// Line number in the manifest, from 1.
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
enum Manifest {
  /// Mistakes that are listed before the rest is only counted.
  private static let listedMistakes = 20
  /// No video is longer, and seconds beyond it would not fit the arithmetic on frames.
  private static let longestSeconds = 1e8

  static func read(path: String) throws(CorpusError) -> [ManifestRow] {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw CorpusError(
        .manifest, "\(path): cannot be read; a corpus directory needs a manifest.jsonl with one JSON object a line")
    }
    var rows: [ManifestRow] = []
    var mistakes: [String] = []
    var mistakeCount = 0
    for (index, bytes) in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
    where bytes.contains(where: { !$0.isJSONSpace }) {
      do {
        rows.append(try row(bytes, line: index + 1))
      } catch {
        mistakeCount += 1
        if mistakes.count < listedMistakes { mistakes.append("\(path):\(index + 1): \(error.message)") }
      }
    }
    guard mistakeCount == 0 else {
      if mistakeCount > mistakes.count { mistakes.append("\(path): and \(mistakeCount - mistakes.count) more") }
      throw CorpusError(.manifest, mistakes.joined(separator: "\n"))
    }
    guard !rows.isEmpty else { throw CorpusError(.manifest, "\(path): has no row") }
    return rows
  }

  private struct Mistake: Error {
    let message: String
  }

  /// The JSON of a line, before its values are checked.
  private struct Line: Decodable {
    let file: String
    let hashtags: [String]?
    let labels: [String]?
    let split: String?
    let start: Double?
    let end: Double?
  }

  private static func row(_ bytes: Data, line: Int) throws(Mistake) -> ManifestRow {
    let object: Line
    do {
      object = try JSONDecoder().decode(Line.self, from: Data(bytes))
    } catch {
      throw Mistake(message: describe(error))
    }
    guard !object.file.isEmpty, !object.file.utf8.contains(0) else { throw Mistake(message: "`file` is empty") }
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
      line: line, file: object.file, hashtags: object.hashtags ?? [], labels: object.labels ?? [], split: split,
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
