import Corpus
import Foundation
import Testing

/// The published vocabulary: Debian's package snowball-data, which `scripts/test` installs.
private let vocabulary = "/usr/share/snowball/data/porter"

@Suite struct PorterStemmerTests {
  /// Lines of a file, an empty one for an empty stem.
  private func lines(_ name: String) throws -> [String] {
    let text = try String(contentsOfFile: "\(vocabulary)/\(name)", encoding: .utf8)
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
  }

  @Test func theRulesOfThePaperPassThePublishedVocabulary() throws {
    let words = try lines("voc.txt")
    let stems = try lines("output.txt")
    #expect(words.count == 30_428 && stems.count == words.count)
    let stemmer = PorterStemmer(.published)
    let wrong = zip(words, stems).filter { stemmer.stem($0) != $1 }
    #expect(wrong.isEmpty)
  }

  /// The revised rules differ by their author's three departures and by nothing else.
  @Test func theRevisedRulesDifferByTheDeparturesAlone() throws {
    var differences = 0
    for word in try lines("voc.txt") {
      let (published, revised) = (PorterStemmer(.published).stem(word), PorterStemmer(.revised).stem(word))
      guard published != revised else { continue }
      differences += 1
      let isShort = word.utf8.count <= 2 && revised == word
      let isBli = published.hasSuffix("bli") && published.dropLast() == revised.prefix(published.count - 1)
      let isBliStripped = published.hasSuffix("ibli") && published.hasPrefix(revised)
      let isLogi = published.hasSuffix("logi") && published.dropLast() == revised
      #expect(isShort || isBli || isBliStripped || isLogi, "\(word): \(published), \(revised)")
    }
    #expect(differences == 39)
  }

  /// Examples of the paper's steps.
  @Test(arguments: [
    ("caresses", "caress"), ("ponies", "poni"), ("ties", "ti"), ("cats", "cat"), ("feed", "feed"), ("agreed", "agre"),
    ("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"), ("sing", "sing"), ("conflated", "conflat"),
    ("troubled", "troubl"), ("sized", "size"), ("hopping", "hop"), ("falling", "fall"), ("hissing", "hiss"),
    ("fizzed", "fizz"), ("failing", "fail"), ("filing", "file"), ("happy", "happi"), ("sky", "sky"),
    ("relational", "relat"), ("conditional", "condit"), ("vietnamization", "vietnam"), ("triplicate", "triplic"),
    ("formalize", "formal"), ("hopefulness", "hope"), ("revival", "reviv"), ("adoption", "adopt"),
    ("bowdlerize", "bowdler"),
    ("probate", "probat"), ("rate", "rate"), ("cease", "ceas"), ("controll", "control"), ("roll", "roll"),
    ("catching", "catch"), ("as", "as"), ("possibly", "possibl"), ("archaeology", "archaeolog"), ("ion", "ion"),
    ("", ""),
    ("s", "s"), ("café", "café"), ("4x4s", "4x4"),
  ])
  func stemsOfTheSteps(word: String, stem: String) {
    #expect(PorterStemmer().stem(word) == stem)
  }
}
