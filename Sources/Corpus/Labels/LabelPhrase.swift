/// The words of a label, and the hashtags people write for it.
///
/// A tag is the concatenation of the words, each as it is or stemmed, in any order, with and without the stop-words (paper,
/// section 3): for "catching a fish" #catchingafish, #catchfish, #fishcatching …
package struct LabelPhrase: Sendable {
  /// Words that people leave out.
  package static let stopWords: Set<String> = [
    "a", "an", "the", "of", "with", "to", "in", "on", "at", "by", "for", "from", "into", "onto", "and", "or",
  ]

  /// All orders of more words than this would be too many; such phrases have the order as written only.
  package static let permutedWords = 7
  /// Every second form of more words than this would be too many; such phrases have all words as written, or all stemmed.
  private static let mixedWords = 16

  package let words: [String]
  private let stems: [String]

  /// - Parameter phrase: words apart by anything but letters, digits and apostrophes.
  package init(_ phrase: String) {
    words = phrase.split { !$0.isLetter && !$0.isNumber && $0 != "'" && $0 != "’" }
      .map { Hashtag.normalized(String($0)) }.filter { !$0.isEmpty }
    let stemmer = PorterStemmer()
    stems = words.map(stemmer.stem)
  }

  var isLong: Bool { words.count > Self.permutedWords }

  /// Distinct tags of the phrase, normalised.
  package var hashtags: Set<String> {
    let content = words.indices.filter { !Self.stopWords.contains(words[$0]) }
    var tags = concatenations(Array(words.indices))
    if content.count < words.count { tags.formUnion(concatenations(content)) }
    return tags
  }

  /// The tags of the words at `indices`.
  private func concatenations(_ indices: [Int]) -> Set<String> {
    guard !indices.isEmpty else { return [] }
    var tags: Set<String> = []
    for forms in forms(indices) {
      if indices.count <= Self.permutedWords {
        forms.forEachPermutation { tags.insert($0.joined()) }
      } else {
        tags.insert(forms.joined())
      }
    }
    return tags
  }

  /// The words at `indices`, each as written or stemmed, in every combination that differs.
  private func forms(_ indices: [Int]) -> [[String]] {
    let mixed = indices.count { words[$0] != stems[$0] }
    guard mixed <= Self.mixedWords else { return [indices.map { words[$0] }, indices.map { stems[$0] }] }
    return indices.reduce([[]]) { lists, index in
      let forms = words[index] == stems[index] ? [words[index]] : [words[index], stems[index]]
      return lists.flatMap { list in forms.map { list + [$0] } }
    }
  }
}

extension Array {
  /// Hands every order of the elements to `body` (Heap's algorithm).
  fileprivate func forEachPermutation(_ body: ([Element]) -> Void) {
    var order = self
    func permute(_ count: Int) {
      if count <= 1 { return body(order) }
      for index in 0..<count {
        permute(count - 1)
        if index < count - 1 { order.swapAt(count.isMultiple(of: 2) ? index : 0, count - 1) }
      }
    }
    permute(count)
  }
}
