/// Label spaces made of others (paper, section 4: IG-Kinetics, IG-Verb, IG-Noun, IG-Verb+Noun).
package enum LabelSpace {
  /// All labels in order; those of one name become one label with the phrases of all.
  package static func union(_ spaces: [[Label]]) -> [Label] {
    var places: [String: Int] = [:]
    var labels: [Label] = []
    for label in spaces.joined() {
      guard let place = places[label.name] else {
        places[label.name] = labels.count
        labels.append(label)
        continue
      }
      let known = labels[place].phrases
      labels[place] = Label(label.name, phrases: known + label.phrases.filter { !known.contains($0) })
    }
    return labels
  }

  /// Every label of `first` with every label of `second`: "catch" and "fish" make "catch fish".
  package static func product(_ first: [Label], _ second: [Label]) -> [Label] {
    union([
      first.flatMap { left in
        second.map { right in
          Label(
            "\(left.name) \(right.name)",
            phrases: left.phrases.flatMap { phrase in right.phrases.map { "\(phrase) \($0)" } })
        }
      }
    ])
  }

  /// The first `count` labels of one seeded permutation: samples of one seed nest, whatever their sizes.
  ///
  /// A label's place follows from its name alone, so that labels added to the space leave the others in their order.
  package static func sample(_ labels: [Label], count: Int, seed: UInt64) -> [Label] {
    let ranked = labels.map { (rank: CounterRandom.hash($0.name, seed: seed), label: $0) }
    return ranked.sorted { ($0.rank, $0.label.name) < ($1.rank, $1.label.name) }.prefix(count).map(\.label)
  }

  /// Those of `verbs` that are a word of one of `labels`, both stemmed: "catch" of "catching a fish".
  package static func verbs(_ verbs: [Label], of labels: [Label]) -> [Label] {
    let stemmer = PorterStemmer()
    func stems(_ phrase: String) -> [String] { LabelPhrase(phrase).words.map(stemmer.stem) }
    let used = Set(labels.flatMap { $0.phrases.flatMap(stems) })
    return verbs.filter { verb in verb.phrases.contains { stems($0).allSatisfy(used.contains) } }
  }
}
