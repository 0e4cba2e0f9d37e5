package import Corpus
internal import Foundation

/// Chooses the cosine distance up to which a video counts as a copy: from a collection with copies of a target's videos and others.
package struct FeatureCalibration: Sendable, Encodable {
  /// The smallest with the recall asked for, of whole ten thousandths.
  package let distance: Double
  package let copies: Int
  /// Share of the copies within `distance` of any of the target's videos.
  package let recall: Double
  package let recallByKind: [String: Double]
  package let unrelated: Int
  /// Share of the collection's other videos within `distance`.
  package let unrelatedShare: Double
  package let targets: Int

  private enum CodingKeys: String, CodingKey {
    case distance, copies, recall, unrelated, targets
    case recallByKind = "recall_by_kind"
    case unrelatedShare = "unrelated_share"
  }

  /// What `synthesize` says of a video; only copies have a kind.
  private struct Truth: Decodable {
    let file: String
    let kind: String?

    private enum CodingKeys: String, CodingKey {
      case file
      case kind = "copy_kind"
    }
  }

  /// - Parameters:
  ///   - targetFile: features of the target's videos; see ``FeatureFile``.
  ///   - copies: an index of a collection that `synthesize` made; of its videos to train on those that have features count.
  ///   - files: features of its videos.
  ///   - recall: share of the copies to be found.
  /// - Throws: `truth` for what does not say which videos are copies, `empty` without a copy that has features.
  package static func run(
    target: Corpus, targetFile: String, copies: Corpus, files: [String], recall: Double, workers: Int,
    progress: @escaping @Sendable (_ what: String, _ done: Int, _ all: Int) -> Void
  ) throws -> FeatureCalibration {
    let path = "\(copies.directory)/truth.jsonl"
    let kinds = try kinds(path)
    // No two rows are farther from each other.
    let (report, pairs) = try Deduplicator(copies, against: [target], workers: workers)
      .byFeatures(files, targetFiles: [targetFile], distance: 2, progress: progress)
    let found = pairs.map { (kind: kinds[$0.file], distance: $0.distance) }
    let distances = found.filter { $0.kind != nil }.map(\.distance).sorted()
    guard !distances.isEmpty else {
      throw DeduplicationError(
        .empty, "\(path): names no copy with features; `sluice synthesize --copies-of` makes such collections")
    }
    let last = max(1, Int((recall * Double(distances.count)).rounded(.up))) - 1
    return FeatureCalibration(
      found, distance: (distances[last] * 1e4).rounded(.up) / 1e4, targets: report.targets)
  }

  /// The kinds of the copies, by file.
  private static func kinds(_ path: String) throws(DeduplicationError) -> [String: String] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw DeduplicationError(
        .truth,
        "\(path): cannot be read; it says which videos are copies, and `sluice synthesize --copies-of` writes it: give its "
          + "directory with --copies")
    }
    var kinds: [String: String] = [:]
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where line.contains(where: { !$0.isWhitespace }) {
      guard let truth = try? JSONDecoder().decode(Truth.self, from: Data(line.utf8)) else {
        throw DeduplicationError(
          .truth,
          "\(path):\(number + 1): not a JSON object with the text `file` and, for a copy, the text `copy_kind`; make the "
            + "collection again with `sluice synthesize --copies-of`")
      }
      kinds[truth.file] = truth.kind
    }
    return kinds
  }

  private init(_ found: [(kind: String?, distance: Double)], distance: Double, targets: Int) {
    func share(_ distances: [Double]) -> Double {
      Double(distances.count { $0 <= distance }) / Double(max(distances.count, 1))
    }
    var byKind = Dictionary(grouping: found) { $0.kind }.mapValues { $0.map(\.distance) }
    let others = byKind.removeValue(forKey: nil) ?? []
    let copies = byKind.values.flatMap(\.self)
    (self.distance, self.targets) = (distance, targets)
    (self.copies, recall) = (copies.count, share(copies))
    (unrelated, unrelatedShare) = (others.count, share(others))
    recallByKind = Dictionary(uniqueKeysWithValues: byKind.map { ($0 ?? "", share($1)) })
  }
}
