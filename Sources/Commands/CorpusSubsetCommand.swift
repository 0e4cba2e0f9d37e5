package import ArgumentParser
internal import Corpus
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus subset`.
  package struct Subset: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Chooses videos to train on: writes a small file that a topology's `subset` names.")

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("The subset's file.", valueName: "file"))
    var output: String

    @Option(help: "Number of videos; all by default. Smaller subsets of one seed lie within larger ones.")
    var videos: Int?

    @Option(help: "As many videos as are this long together, instead of a number.")
    var hours: Double?

    @Flag(help: "As many videos of each label, as far as it has them, instead of a random choice.")
    var tailPreserving = false

    @Option(help: "Seed of all choices.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("Keep only the labels of this file.", valueName: "file"))
    var labels: String?

    @Option(help: "Keep only so many labels, the first of a seeded order.")
    var labelCount: Int?

    @Option(help: ArgumentHelp("Leave out what this subset of `deduplicate` leaves out.", valueName: "file"))
    var without: String?

    @Option(help: ArgumentHelp("Only videos of these lengths in seconds, as 1:5.", valueName: "least:most"))
    var seconds: Lengths?

    @Option(
      help: ArgumentHelp(
        "Of each label no more videos than it has of these lengths: the same histogram.", valueName: "least:most"))
    var histogramOf: Lengths?

    @Option(help: "Only so many seconds in the middle of each video.")
    var center: Double?

    @Flag(help: "Only one frame of each video.")
    var singleFrame = false

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if labels != nil, labelCount != nil { throw ValidationError("give --labels or --label-count, not both") }
      if let mistake = recipe(labels: nil, without: nil).mistake { throw ValidationError(mistake) }
    }

    package func run() async throws {
      try OutputPlaces.requireOthers(
        [("--output", output)], reading: ["\(directory)/\(Corpus.fileName)"] + [labels, without].compactMap { $0 })
      let corpus = try Corpus(directory: directory)
      var kept = try labels.map { try LabelList.labels(path: $0).map(\.name) }
      if let labelCount {
        guard (1...corpus.labels.count).contains(labelCount) else {
          throw ValidationError("--label-count must be 1 to \(corpus.labels.count), the labels of \(directory)")
        }
        kept = LabelSpace.sample(corpus.labels.map { Label($0) }, count: labelCount, seed: seed).map(\.name)
      }
      let left = try without.map { try corpus.rowsWithout(subset: $0) }
      let subset = try corpus.subset(recipe(labels: kept, without: left))
      try subset.write(to: output)
      let unknown = subset.unknownLengths.map { count in
        subset.recipe.lengths == nil
          ? ", without \(count) videos of unknown length" : "; \(count) of unknown length are left out"
      }
      try json.print(
        subset,
        text: "\(output): \(subset.videos) videos of \(subset.counts.count) labels, "
          + String(format: "%.2f hours", subset.hours) + (unknown ?? ""))
    }

    private func recipe(labels: [String]?, without: [Int]?) -> SubsetRecipe {
      SubsetRecipe(
        choice: tailPreserving ? .tailPreserving : .random, seed: seed, videos: videos, hours: hours, labels: labels,
        without: without, lengths: seconds?.value, histogramOf: histogramOf?.value, centerSeconds: center,
        singleFrame: singleFrame)
    }
  }

  /// `LEAST:MOST` in seconds.
  struct Lengths: ExpressibleByArgument {
    let value: SubsetRecipe.Lengths

    init?(argument: String) {
      let parts = argument.split(separator: ":").map { Double($0) }
      guard parts.count == 2, let least = parts[0], let most = parts[1] else { return nil }
      value = SubsetRecipe.Lengths(least, most)
    }
  }
}
