internal import Yams

/// Collects every mistake while a topology is read.
final class IssueCollector {
  let file: String
  /// Texts of the `--set` options by the path they set.
  var overrides: [(path: String, text: String)] = []
  private(set) var issues: [TopologyIssue] = []

  init(file: String) {
    self.file = file
  }

  /// Notes a mistake. One in a value that came from `--set` names that option instead of a line.
  func add(_ message: String, path: String, line: Int?) {
    let origin = overrides.last { path == $0.path || path.hasPrefix($0.path + ".") }
    let issue =
      origin.map { TopologyIssue(line: nil, path: path, message: "\(message) (from --set \($0.text))") }
      ?? TopologyIssue(line: line, path: path, message: message)
    // A section may be read twice, where a check needs its lines again.
    if !issues.contains(issue) { issues.append(issue) }
  }

  func throwIfAny() throws(TopologyError) {
    if !issues.isEmpty { throw TopologyError(file: file, issues: issues) }
  }
}

/// Reads the keys of one YAML mapping. A value that is missing or wrong is noted and a placeholder returned, so that
/// reading goes on and finds the other mistakes; nothing read is used when there was one.
final class SectionReader {
  struct Entry {
    var key: String
    let line: Int?
    let value: Node
  }

  let path: String
  let line: Int?
  let entries: [Entry]
  let issues: IssueCollector
  private var knownKeys: [String] = []
  private var refusedKeys: Set<String> = []

  /// - Parameter node: nil or a non-mapping gives a section without keys; the caller has noted that already.
  init(_ node: Node?, path: String, line: Int?, issues: IssueCollector) {
    self.path = path
    self.line = line
    self.issues = issues
    var entries: [Entry] = []
    if case .mapping(let mapping)? = node {
      for (key, value) in mapping {
        guard case .scalar(let scalar) = key else {
          issues.add("a key must be a plain word", path: path, line: key.mark?.line)
          continue
        }
        entries.append(Entry(key: scalar.string, line: key.mark?.line ?? line, value: value))
      }
    }
    self.entries = DuplicateKeys.removed(from: entries, path: path, issues: issues)
  }

  func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

  func line(of key: String) -> Int? { entries.first { $0.key == key }?.line ?? line }

  /// Notes a mistake in the value of `key`.
  func fail(_ key: String, _ message: String) {
    issues.add(message, path: path(of: key), line: line(of: key))
  }

  /// Notes a key that may not be given here, if it is.
  func refuse(_ key: String, _ message: String) {
    refusedKeys.insert(key)
    if has(key) { fail(key, message) }
  }

  /// The entry of `key`; absent and empty values (`key:`) count as missing.
  func entry(_ key: String, required: Bool) -> Entry? {
    if !knownKeys.contains(key) { knownKeys.append(key) }
    guard let entry = entries.first(where: { $0.key == key }) else {
      if required { issues.add("missing", path: path(of: key), line: line) }
      return nil
    }
    if case .scalar(let scalar) = entry.value, scalar.isNull {
      if required { fail(key, "has no value") }
      return nil
    }
    return entry
  }

  /// The mapping below `key`.
  func section(_ key: String, required: Bool) -> SectionReader? {
    guard let entry = entry(key, required: required) else { return nil }
    guard case .mapping = entry.value else {
      fail(key, "expected keys and values, found \(entry.value.kind)")
      return nil
    }
    return SectionReader(entry.value, path: path(of: key), line: entry.line, issues: issues)
  }

  /// Notes every key nothing asked for.
  func finish() {
    for entry in entries where !knownKeys.contains(entry.key) && !refusedKeys.contains(entry.key) {
      let near = knownKeys.min { editDistance($0, entry.key) < editDistance($1, entry.key) }
      let hint = near.flatMap { editDistance($0, entry.key) <= 2 ? "; did you mean `\($0)`?" : nil }
      fail(entry.key, "unknown key\(hint ?? "; known here: \(knownKeys.joined(separator: ", "))")")
    }
  }
}

extension Node.Scalar {
  var isQuoted: Bool { style == .singleQuoted || style == .doubleQuoted }
  var isNull: Bool { !isQuoted && (string.isEmpty || string == "~" || string == "null") }
}

extension Node {
  /// What a message calls a node.
  var kind: String {
    switch self {
    case .scalar(let scalar): "`\(scalar.string.prefix(40))`"
    case .mapping: "keys and values"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}

/// Levenshtein distance of two short words.
private func editDistance(_ left: String, _ right: String) -> Int {
  let right = Array(right.prefix(64))
  var row = Array(0...right.count)
  for (i, character) in left.prefix(64).enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in right.indices {
      let substituted = diagonal + (right[j] == character ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
    }
  }
  return row[right.count]
}
