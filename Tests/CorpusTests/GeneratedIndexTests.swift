import Corpus
import Foundation
import Testing
import Video

@Suite struct GeneratedIndexTests {
  /// Every video can be drawn once, by its label and rank.
  @Test func itIsAnIndexOfSoManyVideos() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("index-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try GeneratedIndex.write(to: directory, videos: 1000, labels: 30)
    let corpus = try Corpus(directory: directory)
    let counts = corpus.counts(split: .train)
    #expect(counts.count == 30 && counts.reduce(0, +) == 1000 && counts.allSatisfy { $0 > 0 })
    #expect(counts[0] > 5 * counts[10])
    var files: Set<String> = []
    for (label, count) in counts.enumerated() {
      for rank in 0..<count {
        let (video, indexed) = try corpus.indexedVideos(split: .train, [(label, rank)])[0]
        #expect(video.label == label && indexed.frameCount == video.frameCount && indexed.table == nil)
        files.insert(video.file)
      }
    }
    #expect(files.count == 1000)
  }
}
