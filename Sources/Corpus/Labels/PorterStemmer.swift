/// Porter's suffix stripper for English words (M. F. Porter, "An algorithm for suffix stripping", Program 14, 1980).
package struct PorterStemmer: Sendable {
  /// Which rules: those of the paper, or those of its author's own program.
  package enum Rules: Sendable {
    case published
    /// With the three departures that the author documents beside his program: words of one or two letters stay as they
    /// are; in step 2 `bli` → `ble` stands for `abli` → `able`; and `logi` → `log` is added.
    case revised
  }

  private let rules: Rules

  package init(_ rules: Rules = .revised) { self.rules = rules }

  /// The stem of a word in lower case. Words with other than ASCII characters stay as they are.
  package func stem(_ word: String) -> String {
    guard word.utf8.allSatisfy({ $0 < 0x80 }), rules == .published || word.utf8.count > 2 else { return word }
    var suffixes = Suffixes(letters: Array(word.utf8))
    suffixes.removePlural()
    suffixes.removePast()
    suffixes.replaceFinalY()
    suffixes.replace(rules == .revised ? Suffixes.revisedStep2 : Suffixes.step2, above: 0)
    suffixes.replace(Suffixes.step3, above: 0)
    suffixes.replace(Suffixes.step4, above: 1)
    suffixes.tidy()
    return String(decoding: suffixes.letters, as: UTF8.self)
  }
}

/// A word that loses its suffixes step by step; names of steps and conditions are the paper's.
private struct Suffixes {
  typealias Rule = (suffix: [UInt8], replacement: [UInt8])

  var letters: [UInt8]

  /// Suffixes that end alike stand with the longest first: only the longest that matches counts.
  static let step2 = rules(
    """
    ational>ate tional>tion enci>ence anci>ance izer>ize abli>able alli>al entli>ent eli>e ousli>ous ization>ize \
    ation>ate ator>ate alism>al iveness>ive fulness>ful ousness>ous aliti>al iviti>ive biliti>ble
    """)
  static let revisedStep2 = step2.filter { $0.suffix != Array("abli".utf8) } + rules("bli>ble logi>log")
  static let step3 = rules("icate>ic ative> alize>al iciti>ic ical>ic ful> ness>")
  static let step4 = rules(
    """
    al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ion> ou> ism> ate> iti> ous> ive> ize>
    """)

  private static func rules(_ text: String) -> [Rule] {
    text.split(separator: " ").map { rule in
      let parts = rule.split(separator: ">", omittingEmptySubsequences: false)
      return (Array(parts[0].utf8), Array(parts[1].utf8))
    }
  }

  // MARK: Steps

  /// Step 1a.
  mutating func removePlural() {
    if ends("sses") || ends("ies") { letters.removeLast(2) } else if ends("s"), !ends("ss") { letters.removeLast() }
  }

  /// Step 1b.
  mutating func removePast() {
    if ends("eed") {
      if measure(letters.count - 3) > 0 { letters.removeLast() }
      return
    }
    guard let count = ends("ed") ? 2 : ends("ing") ? 3 : nil, hasVowel(letters.count - count) else { return }
    letters.removeLast(count)
    if ends("at") || ends("bl") || ends("iz") {
      letters.append(UInt8(ascii: "e"))
    } else if endsInDoubleConsonant, !ends("l"), !ends("s"), !ends("z") {
      letters.removeLast()
    } else if measure(letters.count) == 1, endsInShortSyllable(letters.count) {
      letters.append(UInt8(ascii: "e"))
    }
  }

  /// Step 1c.
  mutating func replaceFinalY() {
    if ends("y"), hasVowel(letters.count - 1) { letters[letters.count - 1] = UInt8(ascii: "i") }
  }

  /// Steps 2 to 4: the suffix goes if what is before it has a measure above `least`; `ion` only after s or t.
  mutating func replace(_ rules: [Rule], above least: Int) {
    guard let rule = rules.first(where: { ends($0.suffix) }) else { return }
    let stem = letters.count - rule.suffix.count
    guard measure(stem) > least else { return }
    if rule.suffix == Array("ion".utf8), !"st".utf8.contains(letters[stem - 1]) { return }
    letters.replaceSubrange(stem..., with: rule.replacement)
  }

  /// Step 5.
  mutating func tidy() {
    if ends("e") {
      let stem = letters.count - 1
      if measure(stem) > 1 || measure(stem) == 1 && !endsInShortSyllable(stem) { letters.removeLast() }
    }
    if ends("ll"), measure(letters.count - 1) > 1 { letters.removeLast() }
  }

  // MARK: Conditions on the first `count` letters

  private func ends(_ suffix: String) -> Bool { ends(Array(suffix.utf8)) }

  private func ends(_ suffix: [UInt8]) -> Bool {
    letters.count >= suffix.count && letters.suffix(suffix.count) == suffix[...]
  }

  /// a, e, i, o, u are vowels, and y after a consonant.
  private func isConsonant(_ index: Int) -> Bool {
    if "aeiou".utf8.contains(letters[index]) { return false }
    return letters[index] != UInt8(ascii: "y") || index == 0 || !isConsonant(index - 1)
  }

  /// m in [C](VC)^m[V]: how often a consonant follows a vowel.
  private func measure(_ count: Int) -> Int {
    count < 2 ? 0 : (1..<count).count { isConsonant($0) && !isConsonant($0 - 1) }
  }

  /// *v*
  private func hasVowel(_ count: Int) -> Bool { (0..<count).contains { !isConsonant($0) } }

  /// *d
  private var endsInDoubleConsonant: Bool {
    letters.count >= 2 && letters[letters.count - 1] == letters[letters.count - 2] && isConsonant(letters.count - 1)
  }

  /// *o: consonant, vowel, consonant, and the last not w, x or y.
  private func endsInShortSyllable(_ count: Int) -> Bool {
    count >= 3 && isConsonant(count - 3) && !isConsonant(count - 2) && isConsonant(count - 1)
      && !"wxy".utf8.contains(letters[count - 1])
  }
}
