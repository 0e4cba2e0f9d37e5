internal import Foundation

/// The nouns of WordNet 3.0, whose synsets ImageNet uses: the file `data.noun` in the format of wndb(5), as Debian's package
/// wordnet-base has it.
package struct WordNet {
  /// Where Debian puts it.
  package static let standardDirectory = "/usr/share/wordnet"

  private let path: String
  private let bytes: Data

  /// - Throws: `manifest` for a file that cannot be read.
  package init(directory: String) throws(CorpusError) {
    path = directory + "/data.noun"
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw CorpusError(.manifest, "\(path): cannot be read; install wordnet-base, or give WordNet's directory")
    }
  }

  /// The words of a synset, those of several words with spaces, in WordNet's order.
  ///
  /// - Parameter offset: the byte of `data.noun` at which the synset begins: 2084071 of n02084071.
  /// - Returns: nil if none begins there.
  package func words(offset: Int) -> [String]? {
    guard offset >= 0, offset < bytes.count else { return nil }
    let line = bytes[(bytes.startIndex + offset)...].prefix { $0 != UInt8(ascii: "\n") }
    // synset_offset lex_filenum ss_type w_cnt word lex_id [word lex_id …], the count in hexadecimal.
    let fields = String(decoding: line, as: UTF8.self).split(separator: " ")
    guard fields.count > 4, Int(fields[0]) == offset, fields[0].count == 8, fields[2] == "n",
      let count = Int(fields[3], radix: 16), fields.count > 4 + 2 * count
    else { return nil }
    return (0..<count).map { fields[4 + 2 * $0].replacingOccurrences(of: "_", with: " ") }
  }

  /// How the words of synsets become labels.
  package enum Grouping: String, Sendable, CaseIterable {
    /// Every word is a label of its own, once: 1000 synsets of ImageNet became 1428 labels so (the paper's Table 1).
    case words
    /// A synset is one label, with the tags of all its words.
    case synsets
  }

  /// The labels of a file of synsets, one a line: `n02084071`, and anything after a space, as in ImageNet's lists.
  ///
  /// - Throws: `manifest` naming the line of what is no synset.
  package func nouns(synsetsFile: String, grouping: Grouping) throws(CorpusError) -> [Label] {
    var labels: [Label] = []
    for line in try TextLine.read(synsetsFile, "one synset a line") where !line.text.hasPrefix("#") {
      let id = line.text.prefix { !$0.isWhitespace }
      guard id.first == "n", let offset = Int(id.dropFirst()), let words = words(offset: offset) else {
        throw CorpusError(
          .manifest, "\(line.place): \"\(id.prefix(40))\" is no noun of \(path); write as n02084071")
      }
      switch grouping {
      case .words: labels += words.map { Label($0) }
      case .synsets: labels.append(Label("\(words[0]) \(id)", phrases: words))
      }
    }
    guard !labels.isEmpty else { throw CorpusError(.manifest, "\(synsetsFile): has no synset; write one a line") }
    return LabelSpace.union([labels])
  }
}
