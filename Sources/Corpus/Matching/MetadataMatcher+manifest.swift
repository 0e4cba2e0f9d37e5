internal import Files
internal import Foundation

extension MetadataMatcher {
  /// Reads files of metadata and writes the rows with labels as the lines of a manifest.
  ///
  /// - Parameters:
  ///   - rejects: where rows go that cannot be read, each after its file, line and what is wrong; nil for nowhere.
  ///   - rejected: called for each of them, with file and line.
  /// - Throws: `manifest` as `read` does, and for what cannot be written; then neither file is there.
  package mutating func writeManifest(
    of paths: [String], to manifest: String, rejects: String?,
    rejected: (_ place: String, _ reason: String) -> Void
  ) throws(CorpusError) {
    do {
      let output = try LineWriter(path: manifest)
      let refused = try rejects.map { try LineWriter(path: $0) }
      for path in paths {
        try read(path: path) { row in
          output.append(Self.line(row))
        } rejected: { line, reason, bytes in
          rejected("\(path):\(line)", reason)
          refused?.append("\(path):\(line): \(reason)\t")
          refused?.append(bytes)
          refused?.append("\n")
        }
      }
      try refused?.finish()
      try output.finish()
    } catch {
      throw error as? CorpusError ?? CorpusError(.manifest, "\(error)")
    }
  }

  /// A row as a line of `manifest.jsonl`.
  private static func line(_ row: Row) -> String {
    let tags = row.hashtags.map { "\"\($0)\"" }.joined(separator: ",")
    var line = "{\"file\":\(quoted(row.file)),\"hashtags\":[\(tags)]"
    if let seconds = row.startSeconds { line += ",\"start\":\(seconds)" }
    if let seconds = row.endSeconds { line += ",\"end\":\(seconds)" }
    return line + "}\n"
  }

  private static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
      return "\"\(text)\""
    }
    let data = try? JSONEncoder().encode(text)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
