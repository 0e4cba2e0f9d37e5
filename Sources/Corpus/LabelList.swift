internal import Foundation

/// The labels of a corpus, in order, and how rows are matched to them.
struct LabelList {
  let names: [String]
  /// Labels by their exact text.
  private let indexByName: [String: Int]
  /// Labels by each of their hashtags, indices rising.
  private let indicesByTag: [String: [Int]]
  /// Labels with too many words for every order to be written out.
  let longLabels: [String]

  init(names: [String]) {
    self.names = names
    indexByName = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    var indicesByTag: [String: [Int]] = [:]
    var longLabels: [String] = []
    for (index, name) in names.enumerated() {
      let phrase = LabelPhrase(name)
      if phrase.isLong { longLabels.append(name) }
      for tag in phrase.hashtags { indicesByTag[tag, default: []].append(index) }
    }
    self.indicesByTag = indicesByTag
    self.longLabels = longLabels
  }

  /// Reads one phrase a line; empty lines and lines that begin with `#` are passed over.
  static func read(path: String) throws(CorpusError) -> LabelList {
    let text: String
    do {
      text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
    } catch {
      throw CorpusError(.manifest, "\(path): cannot be read as UTF-8 text, one label a line")
    }
    var lineByName: [String: Int] = [:]
    var names: [String] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let name = line.trimmingCharacters(in: .whitespaces)
      if name.isEmpty || name.hasPrefix("#") { continue }
      if let first = lineByName[name] {
        throw CorpusError(.manifest, "\(path):\(index + 1): \"\(name)\" is on line \(first) already")
      }
      if LabelPhrase(name).words.isEmpty {
        throw CorpusError(.manifest, "\(path):\(index + 1): \"\(name)\" has no letter or digit")
      }
      lineByName[name] = index + 1
      names.append(name)
    }
    guard !names.isEmpty else { throw CorpusError(.manifest, "\(path): has no label; write one phrase a line") }
    return LabelList(names: names)
  }

  /// The label list of a manifest without one: every clean label, sorted by its UTF-8 bytes.
  static func collected(from rows: [ManifestRow]) -> LabelList {
    let names = Set(rows.flatMap(\.labels)).filter { !$0.isEmpty }
    return LabelList(names: names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
  }

  /// Labels with any of these hashtags, indices rising.
  func indices(hashtags: [String]) -> [Int] {
    Set(hashtags.flatMap { indicesByTag[LabelPhrase.normalized($0)] ?? [] }).sorted()
  }

  /// Clean labels as they are, indices rising, and those the list does not have.
  func indices(labels: [String]) -> (indices: [Int], unknown: [String]) {
    (Set(labels.compactMap { indexByName[$0] }).sorted(), labels.filter { indexByName[$0] == nil })
  }
}
