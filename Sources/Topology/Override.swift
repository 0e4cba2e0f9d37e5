internal import Yams

/// One `--set path=value`.
enum Override {
  /// Settings of which only one may be given: setting one by `--set` takes the others' place.
  private static let alternatives: [[String]] = [
    ["train.steps", "train.epochs"],
    ["train.learning_rate", "train.learning_rate_per_replica"],
    ["clip.resize", "clip.short_edge"],
    ["train.warm_up.steps", "train.warm_up.clips"],
    ["train.schedule.steps", "train.schedule.halvings"],
    ["train.schedule.factor", "train.schedule.halvings"],
  ]

  /// Applies `text` to the document; a mistake is noted.
  static func apply(_ text: String, to root: inout Node?, issues: IssueCollector) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      issues.add("--set \(text): expected path=value, for example train.steps=20", path: "", line: nil)
      return
    }
    let path = String(text[..<equals])
    let keys = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard keys.allSatisfy({ !$0.isEmpty }) else {
      issues.add("--set \(text): `\(path)` is not a path", path: "", line: nil)
      return
    }
    let value: Node
    do {
      value = try Yams.compose(yaml: String(text[text.index(after: equals)...])) ?? Node("")
    } catch {
      issues.add("--set \(text): the value is not YAML", path: "", line: nil)
      return
    }
    guard let document = root, let changed = setting(value, at: keys[...], in: document) else {
      issues.add("--set \(text): `\(path)` is below a value, not below keys", path: "", line: nil)
      return
    }
    root = changed
    for group in alternatives where group.contains(path) {
      for other in group where other != path {
        root = root.map { removing(other.split(separator: ".").map(String.init)[...], from: $0) }
      }
    }
    issues.overrides.append((path, text))
  }

  /// The document with `value` at `keys`; mappings on the way are made. Nil when a value is in the way.
  private static func setting(_ value: Node, at keys: ArraySlice<String>, in node: Node) -> Node? {
    guard let key = keys.first else { return value }
    var pairs: [(Node, Node)]
    switch node {
    case .mapping(let mapping): pairs = mapping.map { ($0.key, $0.value) }
    case .scalar(let scalar) where scalar.isNull: pairs = []
    // `schedule: constant` gives way to `--set train.schedule.halvings=3`.
    case .scalar where keys.count == 1: pairs = []
    default: return nil
    }
    let index = pairs.firstIndex { $0.0.scalarText == key }
    guard let child = setting(value, at: keys.dropFirst(), in: index.map { pairs[$0].1 } ?? .mapping(Node.Mapping([])))
    else {
      return nil
    }
    if let index {
      pairs[index].1 = child
    } else {
      pairs.append((Node(key), child))
    }
    return remade(node, pairs)
  }

  private static func removing(_ keys: ArraySlice<String>, from node: Node) -> Node {
    guard let key = keys.first, case .mapping(let mapping) = node else { return node }
    let pairs = mapping.compactMap { pair -> (Node, Node)? in
      guard pair.key.scalarText == key else { return (pair.key, pair.value) }
      return keys.count == 1 ? nil : (pair.key, removing(keys.dropFirst(), from: pair.value))
    }
    return remade(node, pairs)
  }

  /// A mapping of `pairs` that keeps the node's place in the file.
  private static func remade(_ node: Node, _ pairs: [(Node, Node)]) -> Node {
    .mapping(Node.Mapping(pairs, .implicit, .any, node.mark))
  }
}
