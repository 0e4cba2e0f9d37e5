import Corpus
import Foundation
import Testing
import Video

@Suite struct VideoFilesTests {
  @Test func realFilesAreProbedAndDamagedOnesLeftOut() throws {
    let names = ["good.mp4", "text.mp4", "empty.mp4", "missing.mp4", "truncated.mp4"]
    let collection = try Collection(manifest: names.map { line($0, labels: ["x"]) })
    let good = collection.directory + "/good.mp4"
    let writer = try VideoWriter(path: good, width: 64, height: 48, framesPerSecond: (25, 1), options: .init())
    for frame in 0..<12 {
      let pixels = [UInt8](repeating: UInt8(frame * 20), count: 64 * 48 * 3)
      try pixels.withUnsafeBytes { try writer.append(rgb: $0) }
    }
    try writer.finish()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: good))
    try bytes.prefix(bytes.count / 3).write(to: URL(fileURLWithPath: collection.directory + "/truncated.mp4"))
    try collection.write("this is text", to: "text.mp4")
    try collection.write("", to: "empty.mp4")

    let report = try CorpusBuilder.build(directory: collection.directory, labelsFile: nil, workers: 2)
    #expect(report.videos == 1)
    #expect(report.leftOut.map(\.file) == ["text.mp4", "empty.mp4", "missing.mp4", "truncated.mp4"])
    #expect(report.leftOut.allSatisfy { !$0.reason.isEmpty })
    let record = try Corpus(directory: collection.directory).video(split: .train, label: 0, rank: 0)
    #expect(record.frameCount == 12)
    #expect(record.framesPerSecond == 25)
    #expect(record.byteCount == bytes.count)
  }
}
