internal import Foundation
internal import GRDB

extension Corpus {
  /// The labels with their phrases, which an index of an earlier version has in the directory's `labels.txt`, if at all.
  ///
  /// - Throws: `index` for one that cannot be read, `manifest` for such a file.
  package func phrasedLabels() throws(CorpusError) -> [Label] {
    if let phrases = try phrases() { return labels.enumerated().map { Label($1, phrases: phrases[$0] ?? []) } }
    let file = directory + "/labels.txt"
    guard FileManager.default.fileExists(atPath: file) else { return labels.map { Label($0) } }
    let known = Dictionary(uniqueKeysWithValues: try LabelList.labels(path: file).map { ($0.name, $0) })
    return labels.map { known[$0] ?? Label($0) }
  }

  /// Phrases by label, of those that have others than their name; nil for an index without them.
  private func phrases() throws(CorpusError) -> [Int: [String]]? {
    do {
      return try queue.read { database in
        guard try database.tableExists("phrases") else { return nil }
        var phrases: [Int: [String]] = [:]
        let rows = try Row.fetchCursor(database, sql: "SELECT label, phrase FROM phrases ORDER BY rowid")
        while let row = try rows.next() {
          guard let label = Int.fromDatabaseValue(row[0]), let phrase = String.fromDatabaseValue(row[1]) else {
            throw CorpusError(.index, "a phrase holds a value of the wrong type")
          }
          if let place = places[label] { phrases[place, default: []].append(phrase) }
        }
        return phrases
      }
    } catch {
      throw CorpusError(.index, "\(directory)/\(Self.fileName): cannot be read; build again", underlying: error)
    }
  }
}
