internal import Foundation

/// How many labels of a target have one that means the same in a source (paper, section 5: |common| / |target|).
package struct LabelOverlap: Sendable, Codable, Equatable {
  package struct Pair: Sendable, Codable, Equatable {
    package let target: String
    /// Labels of the source with a hashtag in common, in its order.
    package let source: [String]
  }

  package let source: Int
  package let target: Int
  package let common: Int
  /// `common` / `target`.
  package let share: Double
  package let pairs: [Pair]

  /// Labels are the same that have a hashtag in common: any order of the words, stemmed or not, with stop-words or without.
  package init(source: LabelList, target: LabelList) {
    let pairs = target.labels.compactMap { label -> Pair? in
      let found = source.indices(hashtags: Array(label.hashtags))
      return found.isEmpty ? nil : Pair(target: label.name, source: found.map { source.labels[$0].name })
    }
    self.source = source.labels.count
    self.target = target.labels.count
    self.pairs = pairs
    common = pairs.count
    share = Double(pairs.count) / Double(max(target.labels.count, 1))
  }
}

extension LabelList {
  /// The labels of an index with the phrases that they had when it was made, of a corpus directory without one, or of a
  /// label file.
  ///
  /// - Throws: as reading any of them does.
  package static func named(_ path: String) throws(CorpusError) -> LabelList {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue else {
      return try read(path: path)
    }
    let file = path + "/labels.txt"
    if !FileManager.default.fileExists(atPath: "\(path)/\(Corpus.fileName)"),
      FileManager.default.fileExists(atPath: file)
    {
      return try read(path: file)
    }
    return LabelList(try Corpus(directory: path).phrasedLabels())
  }
}
