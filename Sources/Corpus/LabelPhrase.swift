/// The words of a label, and the hashtags people write for it.
///
/// A tag is the concatenation of the words in any order, with and without the stop-words (paper, section 3: for
/// "catching a fish" #catchingafish, #fishcatching …), in lower case and without anything but letters and digits.
/// Stemmed words (#catchfish) come with a later issue.
struct LabelPhrase {
  static let stopWords: Set<String> = [
    "a", "an", "the", "of", "with", "to", "in", "on", "at", "by", "for", "from", "into", "onto", "and", "or",
  ]

  /// All orders of more words than this would be too many; such phrases have the order as written only.
  static let permutedWords = 7

  let words: [String]

  init(_ phrase: String) {
    words = phrase.split { !$0.isLetter && !$0.isNumber && $0 != "'" && $0 != "’" }
      .map { Self.normalized(String($0)) }.filter { !$0.isEmpty }
  }

  var isLong: Bool { words.count > Self.permutedWords }

  /// Distinct tags of the phrase.
  var hashtags: Set<String> {
    let content = words.filter { !Self.stopWords.contains($0) }
    return Self.concatenations(words).union(Self.concatenations(content))
  }

  /// Lower case, letters and digits only.
  static func normalized(_ text: String) -> String {
    text.lowercased().filter { $0.isLetter || $0.isNumber }
  }

  private static func concatenations(_ words: [String]) -> Set<String> {
    guard !words.isEmpty else { return [] }
    guard words.count <= permutedWords else { return [words.joined()] }
    var tags: Set<String> = []
    var order = words
    func permute(_ count: Int) {
      if count <= 1 {
        tags.insert(order.joined())
        return
      }
      for index in 0..<count {
        order.swapAt(index, count - 1)
        permute(count - 1)
        order.swapAt(index, count - 1)
      }
    }
    permute(words.count)
    return tags
  }
}
