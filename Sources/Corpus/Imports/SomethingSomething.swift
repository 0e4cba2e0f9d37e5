internal import Foundation

/// Something-Something. Version 2: JSON lists of `id`, `template` ("Putting [something] on a surface"), `label` and `placeholders`, and
/// `labels.json`, an object of templates without brackets by number. Version 1: CSV with `;`, an id and a label, and a list of
/// labels (`…-labels.csv`), without first lines. Videos are named by their ids.
enum SomethingSomething {
  static func read(_ files: [String]) throws(CorpusError) -> DatasetImport.Content {
    var content = DatasetImport.Content()
    var names: [String] = []
    for path in files {
      if path.hasSuffix(".json") {
        switch try json(path) {
        case let labels as [String: Any]:
          names = labels.map { (Int("\($0.value)") ?? .max, $0.key) }.sorted { $0 < $1 }.map(\.1)
        case let entries as [Any]: read(entries, path, into: &content)
        default: throw CorpusError(.manifest, "\(path): neither a list of videos nor an object of labels")
        }
      } else {
        let lines = try TextLine.read(path, "an id and a label a line")
        if (path as NSString).lastPathComponent.contains("labels") {
          names = lines.map(\.text)
        } else {
          read(lines, path, into: &content)
        }
      }
    }
    if names.isEmpty { content.collectLabels { Label($0) } } else { content.labels = names.map { Label($0) } }
    let known = Set(content.labels.map(\.name))
    content.findings = content.findings.map { finding in
      guard case .clip(let clip) = finding, !known.contains(clip.label) else { return finding }
      return .reject(
        DatasetReject(place: clip.place, reason: "its label \"\(clip.label)\" is not in the list", text: clip.text))
    }
    return content
  }

  private static func json(_ path: String) throws(CorpusError) -> Any {
    do {
      return try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw CorpusError(.manifest, "\(path): cannot be read as JSON", underlying: error)
    }
  }

  /// Entries are numbered from 1: such a file may be one line.
  private static func read(_ entries: [Any], _ path: String, into content: inout DatasetImport.Content) {
    for (index, entry) in entries.enumerated() {
      let place = "\(path): entry \(index + 1)"
      let text =
        (try? JSONSerialization.data(withJSONObject: ["entry": entry], options: [.sortedKeys]))
        .map { String(decoding: $0, as: UTF8.self) } ?? ""
      content.add(place, text) { () throws(MetadataMistake) in
        guard let object = entry as? [String: Any] else { throw MetadataMistake(message: "not a JSON object") }
        guard let id = object["id"].map({ "\($0)" }), !id.isEmpty, !(object["id"] is NSNull) else {
          throw MetadataMistake(message: "`id` is missing")
        }
        // Those of the test set have none.
        guard let template = object["template"] as? String else { return nil }
        let label = template.filter { $0 != "[" && $0 != "]" }
        return clip(id, label, place, text, path)
      }
    }
  }

  private static func read(_ lines: [TextLine], _ path: String, into content: inout DatasetImport.Content) {
    for line in lines {
      content.add(line.place, line.text) { () throws(MetadataMistake) in
        let parts = line.text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard !parts[0].isEmpty else { throw MetadataMistake(message: "no id before the `;`") }
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        return clip(parts[0], parts[1], line.place, line.text, path)
      }
    }
  }

  private static func clip(
    _ id: String, _ label: String, _ place: String, _ text: String, _ path: String
  ) -> DatasetImport.Clip {
    DatasetImport.Clip(
      place: place, text: text, names: [(id, false)], label: label,
      split: Split(official: (path as NSString).lastPathComponent))
  }
}
