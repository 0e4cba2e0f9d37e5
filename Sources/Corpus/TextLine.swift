internal import Files
internal import Foundation

/// One line of a text file that is small enough to be read at once: labels, synsets, annotations.
struct TextLine {
  /// From 1.
  let number: Int
  /// File and number, as errors name them.
  let place: String
  /// Without white space around it; not empty.
  let text: String

  /// Its words, at least one, with spaces between them.
  var words: [String] { text.split(separator: " ").map(String.init) }

  /// The lines of a file that are not empty, without a byte order mark.
  ///
  /// - Parameter content: what the lines are, for the error: "one label a line".
  /// - Throws: `manifest` for what cannot be read as UTF-8.
  static func read(_ path: String, _ content: String) throws(CorpusError) -> [TextLine] {
    guard FileManager.default.isReadableFile(atPath: path), !Directory.isThere(path) else {
      throw CorpusError(.manifest, "\(path): cannot be read; is it there, and a file?")
    }
    guard let text = try? String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8) else {
      throw CorpusError(.manifest, "\(path): cannot be read as UTF-8 text, \(content)")
    }
    let blank = CharacterSet.whitespaces.union(["\u{FEFF}"])
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
      let text = $1.trimmingCharacters(in: blank)
      return text.isEmpty ? nil : TextLine(number: $0 + 1, place: "\(path):\($0 + 1)", text: text)
    }
  }
}
