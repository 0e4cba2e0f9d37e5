import Corpus
import Foundation
import Synchronization
import Testing

/// Opening the videos of a matched index, with interruptions.
@Suite struct ProbedIndexTests {
  private static func matched(_ scratch: Collection, names: String) throws -> Corpus {
    // Four segments of each file, the last of which goes to its end.
    let rows = (0..<300).map { number in
      "{\"file\": \"\(names)\(number / 4).mp4\", \"hashtags\": [\"surf\", \"\(["fish", "love"][number / 2 % 2])\"], "
        + "\"start\": \(number % 4)\(number % 4 < 3 ? ", \"end\": \(5 - number % 3)" : ""), \"duration\": 9}"
    }
    try scratch.write(rows.joined(separator: "\n"), to: "a.jsonl")
    let labels = LabelList([Label("surfing"), Label("fish")])
    let index = scratch.directory + "/index"
    _ = try MatchedIndex.write(
      to: index, MatchingPass(labels, paths: ["\(scratch.directory)/a.jsonl"]), labels: labels, seed: 3,
      rejects: "\(index)/rejects.txt")
    return try Corpus(directory: index)
  }

  @Test(arguments: ["/v/", "v/"]) func probingGoesOn(names: String) throws {
    let scratch = try Collection(manifest: [])
    let matched = try Self.matched(scratch, names: names)
    let subset = scratch.directory + "/a.subset"
    try matched.subset(SubsetRecipe(videos: 200, centerSeconds: 0.5)).write(to: subset)
    let narrowed = try Corpus(directory: matched.directory, subset: subset)
    let prober = CountingProber()
    func probe(_ corpus: Corpus, to name: String, end: Int = .max) throws -> (
      report: CorpusBuildReport, warnings: [String]
    ) {
      var warnings: [String] = []
      let report = try CorpusBuilder.probe(
        corpus, to: scratch.directory + "/" + name, workers: 2,
        prober: { path throws(ProbeFailure) in try prober.probe(path) }, interval: end == .max ? .seconds(1) : .zero,
        warn: { warnings.append("\($0): \($1)") }, progress: { done, _ in if done >= end { throw Interruption() } })
      return (report, warnings)
    }
    for corpus in [matched, narrowed] {
      let whole = try probe(corpus, to: "whole").report
      #expect(throws: CorpusError.self) { try probe(matched, to: "cut", end: 30) }
      #expect(throws: CorpusError.self) { try probe(corpus, to: "cut", end: 60) }
      let (report, warnings) = try probe(corpus, to: "cut")
      #expect(report.before >= 60 && warnings.isEmpty)
      #expect(report.rows == whole.rows && report.fingerprint == whole.fingerprint)
      #expect(try indexContent(scratch.directory + "/cut") == indexContent(scratch.directory + "/whole"))
      let rows = try Corpus(directory: scratch.directory + "/cut").videos(split: .train)
      #expect(rows.map(\.label) == rows.map(\.label).sorted())
    }
    // Of another subset it begins anew, and a file is opened once for all its segments.
    #expect(throws: CorpusError.self) { try probe(matched, to: "cut", end: 30) }
    prober.tries.withLock { $0 = [:] }
    let (report, warnings) = try probe(narrowed, to: "cut")
    #expect(report.before == 0 && warnings.count == 1)
    #expect(prober.tries.withLock { $0.values.allSatisfy { $0 == 1 } })
  }
}
