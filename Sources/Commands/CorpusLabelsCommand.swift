package import ArgumentParser
internal import Corpus
internal import Files
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus labels`: makes label files.
  package struct Labels: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Makes label files of verbs, nouns, their products and samples.",
      subcommands: [Union.self, Verbs.self, Nouns.self, Product.self, Sample.self])

    package init() {}
  }
}

/// - Parameters:
///   - path: where the label file goes.
///   - inputs: files that it is made of.
private func write(_ labels: [Label], to path: String?, madeOf inputs: [String]) throws {
  try OutputPlaces.requireOthers([("--output", path)], reading: inputs)
  let text = labels.map { $0.line + "\n" }.joined()
  if let path { try OutputFile.write(Array(text.utf8), to: path) } else { print(text, terminator: "") }
}

private let outputHelp = ArgumentHelp("The label file; standard output by default.", valueName: "file")

extension CorpusCommand.Labels {
  package struct Union: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "The labels of all files, each once.")

    @Argument(help: ArgumentHelp("Label files.", valueName: "file"))
    var files: [String]

    @Option(help: outputHelp)
    var output: String?

    package init() {}

    package func run() async throws {
      try write(LabelSpace.union(try files.map { try LabelList.labels(path: $0) }), to: output, madeOf: files)
    }
  }

  package struct Verbs: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "The verbs of VerbNet.")

    @Argument(help: ArgumentHelp("VerbNet's directory, or one of its XML files.", valueName: "verbnet"))
    var path: String

    @Option(help: ArgumentHelp("Only those that are a word of a label of this file.", valueName: "file"))
    var of: String?

    @Option(help: outputHelp)
    var output: String?

    package init() {}

    package func run() async throws {
      let verbs = try VerbNet.verbs(path: path)
      try write(
        try of.map { LabelSpace.verbs(verbs, of: try LabelList.labels(path: $0)) } ?? verbs, to: output,
        madeOf: [path] + (of.map { [$0] } ?? []))
    }
  }

  package struct Nouns: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "The nouns of a list of WordNet's synsets.")

    @Argument(help: ArgumentHelp("Synsets, one a line as n02084071.", valueName: "file"))
    var synsets: String

    @Option(help: ArgumentHelp("WordNet's directory.", valueName: "dir"))
    var wordnet = WordNet.standardDirectory

    @Option(help: "Labels are words, or synsets with the tags of all their words.")
    var labels = WordNet.Grouping.words

    @Option(help: outputHelp)
    var output: String?

    package init() {}

    package func run() async throws {
      try write(
        try WordNet(directory: wordnet).nouns(synsetsFile: synsets, grouping: labels), to: output, madeOf: [synsets])
    }
  }

  package struct Product: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Every label of one file with every label of another.")

    @Argument(help: ArgumentHelp("Label file, as of verbs.", valueName: "first"))
    var first: String

    @Argument(help: ArgumentHelp("Label file, as of nouns.", valueName: "second"))
    var second: String

    @Option(help: outputHelp)
    var output: String?

    package init() {}

    package func run() async throws {
      let product = LabelSpace.product(try LabelList.labels(path: first), try LabelList.labels(path: second))
      try write(product, to: output, madeOf: [first, second])
    }
  }

  package struct Sample: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "The first labels of a seeded order; those of one seed nest.")

    @Argument(help: ArgumentHelp("Label file.", valueName: "file"))
    var file: String

    @Option(help: "Number of labels.")
    var count: Int

    @Option(help: "Seed of the order.")
    var seed: UInt64 = 0

    @Option(help: outputHelp)
    var output: String?

    package init() {}

    package func run() async throws {
      let labels = try LabelList.labels(path: file)
      guard (1...labels.count).contains(count) else {
        throw ValidationError("--count must be 1 to \(labels.count), the labels of \(file)")
      }
      try write(LabelSpace.sample(labels, count: count, seed: seed), to: output, madeOf: [file])
    }
  }
}

extension WordNet.Grouping: ExpressibleByArgument {}
