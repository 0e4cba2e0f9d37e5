package import ArgumentParser
internal import Corpus
internal import Deduplication
internal import Files
internal import Foundation

extension CorpusCommand {
  /// `sluice corpus deduplicate`.
  package struct Deduplicate: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Finds copies of a target's videos: writes a subset without them.",
      discussion:
        "Hashes the videos first, as `sluice corpus hash` does, if that was not done yet.")

    @Argument(help: ArgumentHelp("Directory with corpus.sqlite.", valueName: "dir"))
    var directory: String

    @Option(help: ArgumentHelp("Directories of the targets' indexes.", valueName: "dir"))
    var against: [String]

    @Option(
      help: ArgumentHelp("Only the targets' videos of these splits, as validation,test; else all.", valueName: "splits")
    )
    var targetSplits: SplitList?

    @Option(help: ArgumentHelp("The subset's file.", valueName: "file"))
    var output: String

    @Option(
      help: """
        Up to how far a copy may be: of hashes bits of 256, by default \(Deduplicator.defaultDistance), see `sluice corpus calibrate`; \
        of features 1 less the cosine.
        """)
    var distance: Double?

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp(
        "Compare features of a trained network instead of hashes: safetensors files of DIR's videos.", valueName: "file"
      ))
    var features: [String] = []

    @Option(
      parsing: .upToNextOption,
      help: ArgumentHelp("Files of features of the targets' videos, one for each --against.", valueName: "file"))
    var targetFeatures: [String] = []

    @Option(help: ArgumentHelp("All pairs with frames alike, as JSON lines by rising distance.", valueName: "file"))
    var pairs: String?

    @Option(help: ArgumentHelp("A PNG of the pairs nearest to the distance.", valueName: "file"))
    var sheet: String?

    @Option(help: "Pairs on the sheet.")
    var sheetPairs = 24

    @Option(help: "Threads; one a core by default.")
    var workers = ProcessInfo.processInfo.activeProcessorCount

    @OptionGroup var json: JSONOutput

    package init() {}

    package func validate() throws {
      if against.isEmpty || against.contains("") { throw ValidationError("give a target with --against DIR") }
      if directory.isEmpty { throw ValidationError("give the corpus' directory") }
      if features.isEmpty {
        guard targetFeatures.isEmpty else { throw ValidationError("give the corpus' --features, too") }
        guard bits.map({ (0...Deduplicator.farthest).contains($0) }) == true else {
          throw ValidationError("--distance must be a whole number of bits, 0 to \(Deduplicator.farthest)")
        }
      } else {
        guard targetSplits == nil else {
          throw ValidationError("--target-splits is for hashes; give --target-features of the videos wanted alone")
        }
        guard targetFeatures.count == against.count else {
          throw ValidationError("give as many --target-features as --against, in the same order")
        }
        guard let distance, (0...2).contains(distance) else {
          throw ValidationError("features need a --distance, 0 to 2: what suits depends on the network")
        }
      }
      if !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
      if !(1...500).contains(sheetPairs) { throw ValidationError("--sheet-pairs must be 1 to 500") }
      if let sheet, (sheet as NSString).pathExtension.lowercased() != "png" {
        throw ValidationError("--sheet writes a PNG: name it .png, not \(sheet)")
      }
    }

    package func run() async throws {
      try requireOutputs()
      let progress = ProgressBar()
      let deduplicator = try Deduplicator(
        Corpus(directory: directory), against: against.map { try Corpus(directory: $0) },
        splits: targetSplits?.splits ?? Split.allCases, workers: workers)
      let (report, found) =
        if features.isEmpty {
          try deduplicator.byHashes(
            distance: bits ?? 0, progress: { progress.show($1, of: $2, $0) }, warn: RejectNotes().note)
        } else {
          try deduplicator.byFeatures(
            features, targetFiles: targetFeatures, distance: distance ?? 0, progress: { progress.show($1, of: $2, $0) })
        }
      if let pairs { try JSONOutput.writeLines(found, to: pairs) }
      if let sheet, try !PairSheet.write(found, nearestTo: report.distance, count: sheetPairs, to: sheet) {
        FileHandle.standardError.write(Data("warning: \(sheet): not there, no pair could be shown\n".utf8))
      }
      // Last: if nothing is left, the pairs say why.
      try deduplicator.subset(without: found, of: report).write(to: output)
      let (limit, what) = features.isEmpty ? ("\(bits ?? 0) bits", "hash") : ("\(report.distance)", "features")
      try json.print(
        report,
        text:
          "\(output): \(report.dropped) of \(report.videos) videos are within \(limit) of one of \(report.targets) and left out; "
          + "\(report.withoutDescriptors) have no \(what) and are kept")
    }

    /// Before hours of hashing, not after.
    private func requireOutputs() throws {
      let indices = ([directory] + against).map { "\($0)/\(Corpus.fileName)" }
      try OutputPlaces.requireOthers(
        [("--output", output), ("--pairs", pairs), ("--sheet", sheet)], reading: indices + features + targetFeatures)
      for path in [output, pairs, sheet].compactMap({ $0 }) { try OutputFile.requireWritable(path) }
    }

    /// The distance of hashes.
    private var bits: Int? { distance.map { Int(exactly: $0) } ?? Deduplicator.defaultDistance }
  }

  /// Splits with commas between.
  struct SplitList: ExpressibleByArgument {
    let splits: [Split]

    init?(argument: String) {
      let names = argument.split(separator: ",", omittingEmptySubsequences: false)
      let splits = names.compactMap { Split(rawValue: String($0)) }
      guard splits.count == names.count, Set(splits).count == splits.count else { return nil }
      self.splits = splits
    }
  }
}
