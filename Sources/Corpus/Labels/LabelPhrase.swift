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
    var tags: Set<String> = []
    forEachHashtag { tags.insert(String(decoding: $0, as: UTF8.self)) }
    return tags
  }

  /// Hands the tags of the phrase, normalised and in UTF-8, to `body`; some of them more than once. A phrase of seven words may
  /// have 645,120.
  func forEachHashtag(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    let content = words.indices.filter { !Self.stopWords.contains(words[$0]) }
    forEachConcatenation(Array(words.indices), body)
    if content.count < words.count, !content.isEmpty { forEachConcatenation(content, body) }
  }

  /// Hands the tags of the words at `indices` to `body`.
  private func forEachConcatenation(_ indices: [Int], _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    guard !indices.isEmpty else { return }
    var tag: [UInt8] = []
    func concatenate(_ words: [[UInt8]]) {
      tag.removeAll(keepingCapacity: true)
      for word in words { tag.append(contentsOf: word) }
      tag.withUnsafeBufferPointer(body)
    }
    for forms in forms(indices) {
      let words = forms.map { Array($0.utf8) }
      if indices.count <= Self.permutedWords { words.forEachPermutation(concatenate) } else { concatenate(words) }
    }
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
