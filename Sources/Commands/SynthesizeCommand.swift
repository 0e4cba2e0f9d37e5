package import ArgumentParser
import Foundation
import Synthesis

/// `sluice synthesize`: a weakly-labelled video collection with known truth.
package struct SynthesizeCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Makes a weakly-labelled collection of synthetic videos with known truth.",
    discussion: """
      Writes DIR/videos/*.mp4, DIR/manifest.jsonl and DIR/labels.txt, which `sluice corpus build DIR` reads, and \
      DIR/truth.jsonl. The same options give the same bytes.
      """)

  @Argument(help: "A directory that is new or empty.")
  var directory: String

  @Option(help: "Number of videos, all splits together.")
  var videos = SynthesisOptions().videos

  @Option(help: "Seed of every random choice.")
  var seed = SynthesisOptions().seed

  @Option(help: "Number of labels (verb and noun phrases).")
  var labels = SynthesisOptions().labels

  @Option(help: "Place of the first label: collections whose ranges do not meet have no label in common.")
  var firstLabel = 0

  @Option(help: "Share of videos that show two labels, one in each half.")
  var multiLabel = 0.0

  @Option(help: ArgumentHelp("A collection of whose videos to add copies to train on.", valueName: "dir"))
  var copiesOf: String?

  @Option(
    help: "Number of copies: encoded again, scaled, cropped, mirrored, captioned, faster, or an excerpt, in turn.")
  var copies = 0

  @Option(help: "Duration of a video in seconds, A or A-B.")
  var seconds = "5"

  @Option(help: "Validation videos of each label (default: about a fifth of all videos).")
  var validationPerLabel: Int?

  @Option(help: "Test videos of each label.")
  var testPerLabel = 0

  @Option(help: "Share of videos with wrong, missing or extra hashtags, 0 to 1.")
  var noise = 0.15

  @Option(help: "Exponent of Zipf's law for the number of training videos of each label; 0 is an equal number.")
  var zipf = SynthesisOptions().zipfExponent

  @Option(help: "Videos written at the same time (default: one for each core).")
  var workers = SynthesisOptions().workers

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard (0...1).contains(noise) else { throw ValidationError("--noise \(noise): give a share from 0 to 1") }
    guard (1...1024).contains(workers) else { throw ValidationError("--workers must be 1 to 1024") }
    _ = try Self.range(seconds)
  }

  package func run() async throws {
    var options = SynthesisOptions()
    options.videos = videos
    options.seed = seed
    options.labels = labels
    options.secondsRange = try Self.range(seconds)
    options.validationPerLabel = validationPerLabel
    options.testPerLabel = testPerLabel
    options.setNoise(noise)
    options.zipfExponent = zipf
    options.firstLabel = firstLabel
    options.multiLabelShare = multiLabel
    options.copiesOf = copiesOf
    options.copies = copies
    options.workers = workers
    let progress = SynthesisProgress()
    let summary = try Synthesizer.run(options, into: directory, progress: progress.report)
    let split = "\(summary.train) for training, \(summary.validation) for validation, \(summary.test) for test"
    try output.print(
      Report(directory: directory, summary: summary, seconds: progress.elapsedSeconds),
      text: "\(directory): \(summary.videos) videos of \(summary.labels) labels (\(split))")
  }

  private struct Report: Encodable {
    let directory: String
    let summary: SynthesisSummary
    let seconds: Double

    private enum CodingKeys: String, CodingKey {
      case directory, seconds
    }

    func encode(to encoder: any Encoder) throws {
      // The summary's keys and these in one object.
      try summary.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(directory, forKey: .directory)
      try container.encode(seconds, forKey: .seconds)
    }
  }

  /// "5" or "1-60".
  private static func range(_ text: String) throws -> ClosedRange<Double> {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
    guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, bounds.count <= 2, first <= last else {
      throw ValidationError("--seconds \(text): give a duration such as 5 or a range such as 1-60")
    }
    return first...last
  }
}

/// Progress on standard error: a bar with rate and time left on a terminal, otherwise a line for every tenth.
private final class SynthesisProgress {
  private let start = ContinuousClock.now
  private let isTerminal = isatty(2) == 1
  private var tenthsShown = 0

  var elapsedSeconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  func report(completed: Int, of all: Int) {
    let seconds = elapsedSeconds
    let rate = seconds > 0 ? Double(completed) / seconds : 0
    let left = completed > 0 ? seconds / Double(completed) * Double(all - completed) : 0
    let figures = String(format: "%d of %d videos, %.1f a second, %.0f s left", completed, all, rate, left)
    if isTerminal {
      let filled = completed * 30 / all
      let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
      write("\r[\(bar)] \(figures)\u{1B}[K" + (completed == all ? "\n" : ""))
    } else if completed * 10 / all > tenthsShown {
      tenthsShown = completed * 10 / all
      write(figures + "\n")
    }
  }

  private func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
