internal import Yams

/// Duplicate keys of a mapping, reported like any other mistake.
///
/// Yams refuses a document at the first of them, which would hide all others. So the first of two equal keys is
/// renamed in the text, the text read again, and the pair reported where the section is read.
enum DuplicateKeys {
  private static let prefix = "sluice-duplicate-"
  /// More pairs than that are not worth reading again for.
  private static let limit = 50

  /// Reads `yaml`, with equal keys told apart.
  ///
  /// - Throws: `YamlError` for what cannot be read otherwise.
  static func compose(_ yaml: String) throws -> Node? {
    var text = yaml
    for attempt in 0..<limit {
      do {
        return try Yams.compose(yaml: text)
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        guard let renamed = rename(in: text, at: context.mark, attempt: attempt) else {
          throw YamlError.duplicatedKeysInMapping(duplicates: keys, context: context)
        }
        text = renamed
      }
    }
    return try Yams.compose(yaml: text)
  }

  private static func rename(in text: String, at mark: Mark, attempt: Int) -> String? {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
    guard lines.indices.contains(mark.line - 1) else { return nil }
    var column = mark.column - 1
    guard lines[mark.line - 1].indices.contains(column) else { return nil }
    switch lines[mark.line - 1][column] {
    case "\"", "'": column += 1
    case "?", "&", "!", "*", "[", "{": return nil
    default: break
    }
    lines[mark.line - 1].insert(contentsOf: Array("\(prefix)\(attempt)-".unicodeScalars), at: column)
    return lines.map { line in
      var string = String.UnicodeScalarView()
      string.append(contentsOf: line)
      return String(string)
    }.joined(separator: "\n")
  }

  /// The first entry of each key under its own name; every later one is noted with its line.
  static func removed(
    from entries: [SectionReader.Entry], path: String, issues: IssueCollector
  ) -> [SectionReader.Entry] {
    var kept: [SectionReader.Entry] = []
    for var entry in entries {
      if entry.key.hasPrefix(prefix), let dash = entry.key.dropFirst(prefix.count).firstIndex(of: "-") {
        entry.key = String(entry.key[entry.key.index(after: dash)...])
      }
      if let first = kept.first(where: { $0.key == entry.key }) {
        let place = first.line.map { ", first on line \($0)" } ?? ""
        issues.add(
          "given twice\(place)", path: path.isEmpty ? entry.key : "\(path).\(entry.key)", line: entry.line)
      } else {
        kept.append(entry)
      }
    }
    return kept
  }
}
