internal import Foundation

/// Videos of a collection that are copies of another collection's.
struct CopiedVideos: Sendable {
  struct Copy: Sendable {
    /// Path relative to the collection, such as "videos/copy-000003.mp4".
    let file: String
    let source: String
    let sourceFile: String
    let kind: Reupload
    let seed: UInt64
    let hashtags: [String]
  }

  /// The keys of a manifest's row that a copy needs.
  private struct Row: Decodable {
    let file: String
    let hashtags: [String]?
  }

  let copies: [Copy]

  init() { copies = [] }

  /// Draws `count` videos of a collection, each once before any twice; their hashtags come with them, and the kinds take
  /// turns.
  ///
  /// - Throws: `io` for a manifest that cannot be read.
  init(of directory: String, count: Int, seed: UInt64) throws(SynthesisError) {
    let path = directory + "/manifest.jsonl"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw SynthesisError(.io, "\(path): cannot be read; name a collection with a manifest to copy from")
    }
    var rows: [Row] = []
    for line in text.split(separator: "\n") {
      guard let row = try? JSONDecoder().decode(Row.self, from: Data(line.utf8)) else {
        throw SynthesisError(.io, "\(path): line \(rows.count + 1) is no row of a manifest")
      }
      rows.append(row)
    }
    guard !rows.isEmpty else { throw SynthesisError(.io, "\(path): has no video to copy") }
    var random = RandomSource(seed, 0xC0B1)
    let order = random.permutation(rows.count)
    let kinds = Reupload.allCases
    copies = (0..<count).map { number in
      let row = rows[order[number % rows.count]]
      return Copy(
        file: "videos/copy-\(CollectionPlan.sixDigits(number)).mp4",
        source: row.file.hasPrefix("/") ? row.file : "\(directory)/\(row.file)", sourceFile: row.file,
        kind: kinds[number % kinds.count], seed: random.next(), hashtags: row.hashtags ?? [])
    }
  }
}
