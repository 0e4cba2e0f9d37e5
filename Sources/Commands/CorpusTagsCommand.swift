package import ArgumentParser
internal import Corpus
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus tags`.
  package struct Tags: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Lists the hashtags of labels, and those that several labels share.")

    @Argument(help: ArgumentHelp("Label phrases, as \"catching a fish\".", valueName: "phrase"))
    var phrases: [String] = []

    @Option(help: ArgumentHelp("Label phrases, one a line.", valueName: "file"))
    var labels: String?

    @Flag(help: "List only the hashtags of several labels, with these.")
    var collisions = false

    @OptionGroup var output: JSONOutput

    package init() {}

    package func validate() throws {
      if phrases.isEmpty, labels == nil { throw ValidationError("give a phrase, or --labels FILE") }
      for phrase in phrases where LabelPhrase(phrase).words.isEmpty {
        throw ValidationError("\"\(phrase)\" has no letter or digit")
      }
    }

    package func run() async throws {
      let list = LabelList(
        LabelSpace.union([try labels.map { try LabelList.labels(path: $0) } ?? [], phrases.map { Label($0) }]))
      let found = list.collisions
      if collisions {
        try output.print(
          found, text: found.map { "\($0.tag)  \($0.labels.joined(separator: ", "))" }.joined(separator: "\n"))
        return
      }
      if let first = found.first {
        let text = "\(found.count) hashtags belong to several labels, the first: \(first.tag); see --collisions"
        FileHandle.standardError.write(Data("warning: \(text)\n".utf8))
      }
      let tags = list.labels.reduce(into: Set<String>()) { $0.formUnion($1.hashtags) }.sorted()
      try output.print(tags, text: tags.joined(separator: "\n"))
    }
  }
}
