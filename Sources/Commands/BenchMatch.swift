package import ArgumentParser
import Corpus
import Foundation
import Networks
import Pipeline

/// `sluice bench match`
package struct BenchMatchCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "match",
    abstract: "Measures how fast metadata is matched into an index.",
    discussion:
      "Makes metadata of videos that are not there and an index of it, in a directory of its own that goes again. The time is that of "
      + "`corpus match --index` alone.")

  @Option(help: "Rows: about 180 bytes of disk each, and 150 more while they are matched.")
  var rows = 1_000_000

  @Option(help: "Labels.")
  var labels = 50

  @Option(help: "The share of the hashtags without labels that are not ASCII, half of them by escapes, from 0 to 1.")
  var otherScripts = 0.0

  @Option(help: "Threads that match; one a core by default.")
  var workers: Int?

  @Option(help: "A directory for metadata and index, which stay there: if it has metadata, that is used.")
  var directory: String?

  @OptionGroup var output: JSONOutput

  package init() {}

  private struct Result: Encodable {
    var rows: Int
    var videos: Int
    var rejected: Int
    var duplicates: Int
    var seconds: Double
    var rowsPerSecond: Double
    var metadataBytes: Int
    var indexBytes: Int
    var peakResidentBytes: Int

    enum CodingKeys: String, CodingKey {
      case rows, videos, rejected, duplicates, seconds
      case rowsPerSecond = "rows_per_second"
      case metadataBytes = "metadata_bytes"
      case indexBytes = "index_bytes"
      case peakResidentBytes = "peak_rss_bytes"
    }
  }

  package func validate() throws {
    if !(1...1 << 32).contains(rows) { throw ValidationError("--rows must be 1 to \(1 << 32)") }
    if !(1...100_000).contains(labels) { throw ValidationError("--labels must be 1 to 100000") }
    if !(0...1).contains(otherScripts) { throw ValidationError("--other-scripts must be 0 to 1") }
    if let workers, !(1...1024).contains(workers) { throw ValidationError("--workers must be 1 to 1024") }
  }

  package func run() async throws {
    let own = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-match-\(getpid())").path
    defer { try? FileManager.default.removeItem(atPath: own) }
    let place = directory ?? own
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let metadata = "\(place)/metadata.jsonl"
    let progress = ProgressBar()
    if !FileManager.default.fileExists(atPath: metadata) {
      try GeneratedMetadata.write(to: metadata, rows: rows, labels: labels, otherScripts: otherScripts) {
        progress.show($0, of: rows, "rows made")
      }
    }
    let list = LabelList(GeneratedMetadata.labels(labels))
    let began = Monotonic.seconds()
    let report = try MatchedIndex.write(
      to: place, MatchingPass(list, paths: [metadata]), labels: list,
      workers: workers ?? ProcessInfo.processInfo.activeProcessorCount, rejects: "\(place)/rejects.txt",
      progress: { noun, fraction, count in progress.show(count, noun, fraction: fraction) })
    let seconds = Monotonic.seconds() - began
    let result = Result(
      rows: report.rows, videos: report.videos, rejected: report.rejected, duplicates: report.duplicates,
      seconds: seconds, rowsPerSecond: Double(report.rows) / seconds, metadataBytes: size(metadata),
      indexBytes: size("\(place)/\(Corpus.fileName)"), peakResidentBytes: peakResidentBytes())
    try output.print(
      result,
      text: "\(report.rows) rows in \(RunSummary.fixed(seconds, 1)) s, \(Int(result.rowsPerSecond)) a second; "
        + "\(report.videos) videos; at most \(result.peakResidentBytes >> 20) MiB")
  }

  private func size(_ path: String) -> Int {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int) ?? 0
  }
}
