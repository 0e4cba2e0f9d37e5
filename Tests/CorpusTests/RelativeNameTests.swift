import Corpus
import Foundation
import Testing

/// Relative paths that begin as URLs do are paths.
@Suite struct RelativeNameTests {
  private let labels = LabelList([Label("surfing")])

  private func match(_ files: [String], _ scratch: Collection, to index: String) throws -> MatchedIndex.Report {
    try scratch.write(files.map { line($0, tags: ["surf"]) }.joined(separator: "\n"), to: "a.jsonl")
    return try MatchedIndex.write(
      to: index, MatchingPass(labels, paths: ["\(scratch.directory)/a.jsonl"]), labels: labels, workers: 1,
      rejects: "\(index)/rejects.txt")
  }

  @Test func spellingsOfOnePathAreOneVideo() throws {
    let scratch = try Collection(manifest: [])
    let report = try match(
      ["https/1.mp4", "./https/1.mp4", "http://h/1.mp4", "http://h//1.mp4"], scratch, to: scratch.directory + "/index")
    #expect(report.videos == 3 && report.duplicates == 1)
  }

  /// Such a name lies in the current directory.
  @Test func anIndexMayHaveSuchAName() throws {
    let scratch = try Collection(manifest: [])
    let index = "http-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: index) }
    _ = try match(["1.mp4", "http://h/2.mp4"], scratch, to: index)
    let probed = scratch.directory + "/probed"
    _ = try CorpusBuilder.probe(Corpus(directory: index), to: probed, workers: 1, prober: fakeProbe)
    let corpus = try Corpus(directory: probed)
    let paths = try Split.allCases.flatMap { try corpus.videos(split: $0).map(\.path) }
    #expect(Set(paths) == ["\(FileManager.default.currentDirectoryPath)/\(index)/1.mp4", "http://h/2.mp4"])
  }
}
