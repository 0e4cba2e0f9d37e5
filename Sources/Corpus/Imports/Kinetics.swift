internal import Foundation

/// Kinetics-400, -600 and -700: CSV with `label`, `youtube_id`, `time_start`, `time_end`, `split` (and `is_cc` in some). Clips are
/// cut already and named `ID_000012_000022`, or they are segments of whole videos named `ID`.
enum Kinetics {
  static func read(_ files: [String]) throws(CorpusError) -> DatasetImport.Content {
    var content = DatasetImport.Content()
    for path in files {
      let table = try AnnotationTable(path: path)
      for column in ["youtube_id", "time_start", "time_end"] where !table.columns.contains(column) {
        throw CorpusError(.manifest, "\(path): its first line names no column \"\(column)\"; is it a file of Kinetics?")
      }
      try table.forEachRow { row in
        content.add(row.place, row.text) { () throws(MetadataMistake) in try clip(row, path) }
      } rejected: { reject in
        content.findings.append(.reject(reject))
      }
    }
    content.collectLabels { Label($0) }
    return content
  }

  private static func clip(_ row: AnnotationTable.Row, _ path: String) throws(MetadataMistake) -> DatasetImport.Clip? {
    let id = try row.required("youtube_id")
    let (start, end) = (try seconds(row, "time_start"), try seconds(row, "time_end"))
    guard start < end else { throw MetadataMistake(message: "its segment ends before it starts") }
    // The test sets of the first release have no labels.
    guard let label = row["label"] else { return nil }
    let name = row["split"] ?? (path as NSString).lastPathComponent
    guard let split = Split(official: name) else {
      let mistake = row["split"].map { "`split` is \"\($0.prefix(40))\"" } ?? "no `split`, nor one in the file's name"
      throw MetadataMistake(message: mistake + "; expected train, validate or test")
    }
    let cut = String(format: "%@_%06d_%06d", id, Int(start), Int(end))
    return DatasetImport.Clip(
      place: row.place, text: row.text, names: [(cut, false), (id, true)], folders: [label, name], label: label,
      split: split, start: start, end: end)
  }

  private static func seconds(_ row: AnnotationTable.Row, _ column: String) throws(MetadataMistake) -> Double {
    let text = try row.required(column)
    guard let seconds = Double(text), (0...Manifest.longestSeconds).contains(seconds) else {
      throw MetadataMistake(message: "`\(column)` is \"\(text.prefix(40))\", not a number of seconds")
    }
    return seconds
  }
}
