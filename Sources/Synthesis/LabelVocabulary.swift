/// A verb: a motion pair run forwards or backwards.
package struct Verb: Sendable, Equatable {
  package let pair: MotionPair
  /// True for the verb that runs through the pair's phases backwards.
  package let isReversed: Bool

  package init(pair: MotionPair, isReversed: Bool) {
    self.pair = pair
    self.isReversed = isReversed
  }

  package var name: String { isReversed ? pair.verbs.reverse : pair.verbs.forward }
}

/// A verb with a noun, such as "raising a lantern".
package struct ActionLabel: Sendable, Equatable {
  package let verb: Verb
  package let noun: Noun

  package init(verb: Verb, noun: Noun) {
    self.verb = verb
    self.noun = noun
  }

  /// "raising a lantern", "tipping an umbrella".
  package var phrase: String { "\(verb.name) \(noun.article) \(noun.rawValue)" }

  /// The phrase concatenated: "raisingalantern".
  package var tag: String { verb.name + noun.article + noun.rawValue }

  /// The phrase concatenated without its stop-word: "raisinglantern".
  package var shortTag: String { verb.name + noun.rawValue }

  /// The label that only motion order tells from this one.
  package var partner: ActionLabel {
    ActionLabel(verb: Verb(pair: verb.pair, isReversed: !verb.isReversed), noun: noun)
  }
}

/// The label spaces of synthetic collections: prefixes of one fixed list.
///
/// The list does not depend on the seed, so collections of different seeds and sizes share their labels and can serve
/// as source and target of a transfer. Places 2k and 2k+1 hold the two verbs of a motion pair with the same noun; both pair
/// and noun change from each such couple to the next.
package enum LabelVocabulary {
  /// Number of verb and noun phrases there are.
  package static var maximumCount: Int { 2 * MotionPair.allCases.count * Noun.allCases.count }

  /// The first `count` labels, `count` in 0...`maximumCount`.
  package static func labels(_ count: Int) -> [ActionLabel] {
    let pairs = MotionPair.allCases
    let nouns = Noun.allCases
    let period = leastCommonMultiple(pairs.count, nouns.count)
    return (0..<count).map { place in
      let couple = place / 2
      // Both indices advance together; after their common period the noun is shifted, so that no couple repeats.
      return ActionLabel(
        verb: Verb(pair: pairs[couple % pairs.count], isReversed: place % 2 == 1),
        noun: nouns[(couple + couple / period) % nouns.count])
    }
  }

  /// The phrase that differs from `phrase` by motion order only; nil for a phrase of another origin.
  package static func partner(ofPhrase phrase: String) -> String? {
    let words = phrase.split(separator: " ")
    guard words.count == 3, let noun = Noun(rawValue: String(words[2])) else { return nil }
    for pair in MotionPair.allCases {
      for isReversed in [false, true] {
        let label = ActionLabel(verb: Verb(pair: pair, isReversed: isReversed), noun: noun)
        if label.phrase == phrase { return label.partner.phrase }
      }
    }
    return nil
  }

  private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return a / x * b
  }
}
