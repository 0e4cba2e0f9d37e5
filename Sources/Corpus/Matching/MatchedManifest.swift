internal import Files
internal import Foundation

/// Metadata as a manifest: the rows with labels, with those of their hashtags that have labels.
package enum MatchedManifest {
  /// - Parameters:
  ///   - rejects: where rows go that cannot be read, each after its file, line and what is wrong; no file if there is none.
  ///   - rejected: called for each of them, with file and line.
  ///   - progress: the share that is read, and rows.
  /// - Throws: `manifest` for what cannot be read or written; then neither file is there. `empty` without a row to keep.
  package static func write(
    _ pass: MatchingPass, to manifest: String, rejects: String,
    workers: Int = ProcessInfo.processInfo.activeProcessorCount,
    rejected: (_ place: String, _ reason: String) -> Void, progress: (Double, Int) -> Void = { _, _ in }
  ) throws(CorpusError) -> MatchingReport {
    var report = MatchingReport()
    for path in [manifest, rejects] { try pass.requireOther(path) }
    do {
      let output = try LineWriter(path: manifest)
      let refused = try LineWriter(path: rejects)
      try pass.run(workers: workers, empty: [UInt8]()) { row, _, _, bytes in
        bytes.append(contentsOf: line(row).utf8)
      } consume: { part in
        report += part.report
        part.output.withUnsafeBufferPointer { output.append($0) }
        for reject in part.rejects {
          let place = "\(pass.paths[part.source]):\(reject.line)"
          rejected(place, reject.reason)
          refused.append(reject, at: place)
        }
        progress(min(part.fraction, 0.999), report.rows)
      }
      progress(1, report.rows)
      try refused.finishUnlessEmpty()
      guard report.matched > 0 else { throw pass.nothing(of: report.rows) }
      try output.finish()
    } catch {
      throw error as? CorpusError ?? CorpusError(.manifest, "\(error)")
    }
    return report
  }

  /// A row as a line of `manifest.jsonl`.
  private static func line(_ row: MatchedRow) -> String {
    let tags = row.hashtags.map { "\"\($0)\"" }.joined(separator: ",")
    var line = "{\"file\":\(ManifestLine.quoted(row.file)),\"hashtags\":[\(tags)]"
    if let seconds = row.startSeconds { line += ",\"start\":\(seconds)" }
    if let seconds = row.endSeconds { line += ",\"end\":\(seconds)" }
    if let split = row.split { line += ",\"split\":\"\(split.rawValue)\"" }
    return line + "}\n"
  }
}

/// Lines of manifests.
enum ManifestLine {
  /// A text in JSON.
  static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
      return "\"\(text)\""
    }
    let data = try? JSONEncoder().encode(text)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
