/// One label of a list.
package struct Label: Sendable, Equatable {
  package let name: String
  /// Phrases whose hashtags it has, at least one: often its name alone.
  package let phrases: [String]

  /// - Parameter phrases: none for the name itself.
  package init(_ name: String, phrases: [String] = []) {
    self.name = name
    self.phrases = phrases.isEmpty ? [name] : phrases
  }

  /// All hashtags, normalised.
  package var hashtags: Set<String> { phrases.reduce(into: []) { $0.formUnion(LabelPhrase($1).hashtags) } }

  /// A line of a label file: the name and, if they are others, the phrases, with tabs between.
  package var line: String { phrases == [name] ? name : ([name] + phrases).joined(separator: "\t") }
}
