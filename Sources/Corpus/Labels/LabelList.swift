internal import Foundation

/// The labels of a corpus, in order, and how rows are matched to them.
package struct LabelList: Sendable {
  package let labels: [Label]
  /// Labels by their exact text.
  private let indexByName: [String: Int]
  /// Labels by each of their hashtags.
  let tags: TagTable
  /// Labels with too many words for every order to be written out.
  let longLabels: [String]

  package var names: [String] { labels.map(\.name) }

  /// - Parameter labels: of distinct names.
  package init(_ labels: [Label]) {
    self.labels = labels
    indexByName = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1.name, $0) })
    var tags = TagTable()
    var longLabels: [String] = []
    for (index, label) in labels.enumerated() {
      let phrases = label.phrases.map { LabelPhrase($0) }
      for phrase in phrases { phrase.forEachHashtag { tags.add($0, label: index) } }
      if phrases.contains(where: \.isLong) { longLabels.append(label.name) }
    }
    (self.tags, self.longLabels) = (tags, longLabels)
  }

  /// Reads one label a line: its phrase or, with tabs between, its name and its phrases. Empty lines and lines that begin
  /// with `#` are passed over.
  ///
  /// - Throws: `manifest` naming file and line.
  package static func read(path: String) throws(CorpusError) -> LabelList {
    LabelList(try labels(path: path))
  }

  /// The labels of a file without their hashtags.
  package static func labels(path: String) throws(CorpusError) -> [Label] {
    var lineByName: [String: Int] = [:]
    var labels: [Label] = []
    for line in try TextLine.read(path, "one label a line") where !line.text.hasPrefix("#") {
      let fields = line.text.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
      let label = Label(fields[0], phrases: fields.dropFirst().filter { !$0.isEmpty })
      if let first = lineByName[label.name] {
        throw CorpusError(.manifest, "\(line.place): \"\(label.name)\" is on line \(first) already")
      }
      if let phrase = label.phrases.first(where: { LabelPhrase($0).words.isEmpty }) {
        throw CorpusError(.manifest, "\(line.place): \"\(phrase)\" has no letter or digit")
      }
      lineByName[label.name] = line.number
      labels.append(label)
    }
    guard !labels.isEmpty else { throw CorpusError(.manifest, "\(path): has no label; write one phrase a line") }
    return labels
  }

  /// The label list of a manifest without one: every clean label, sorted by its UTF-8 bytes.
  static func collected(from rows: [ManifestRow]) -> LabelList {
    let names = Set(rows.flatMap(\.labels)).filter { !$0.isEmpty }
    return LabelList(
      names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }.map { Label($0) })
  }

  /// A hashtag of several labels.
  package struct Collision: Sendable, Codable, Equatable {
    package let tag: String
    /// In the order of the list.
    package let labels: [String]
  }

  /// Hashtags that belong to several labels, by their bytes: a video with one of them carries all its labels.
  package var collisions: [Collision] {
    tags.collisions.map { Collision(tag: $0.tag, labels: $0.labels.map { labels[$0].name }) }
  }

  /// Whole sentences on what may surprise: tags of several labels, and labels too long for every order of their words.
  package var warnings: [String] {
    var warnings: [String] = []
    let collisions = collisions
    if let first = collisions.first {
      warnings.append(
        "\(collisions.count) hashtags belong to several labels, the first: #\(first.tag) to "
          + first.labels.map { "\"\($0)\"" }.joined(separator: ", "))
    }
    if let first = longLabels.first {
      warnings.append(
        "\(longLabels.count) labels have more than \(LabelPhrase.permutedWords) words; their hashtags match in "
          + "the order as written only, the first: \"\(first)\"")
    }
    return warnings
  }

  /// Labels with any of these hashtags, indices rising.
  func indices(hashtags: [String]) -> [Int] {
    var indices: Set<Int> = []
    for tag in hashtags { tags.forEachLabel(of: Hashtag.normalized(tag)) { indices.insert($0) } }
    return indices.sorted()
  }

  /// Clean labels as they are, indices rising, and those the list does not have.
  func indices(labels: [String]) -> (indices: [Int], unknown: [String]) {
    (Set(labels.compactMap { indexByName[$0] }).sorted(), labels.filter { indexByName[$0] == nil })
  }
}
