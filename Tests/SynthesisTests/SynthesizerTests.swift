import Foundation
import Synthesis
import Testing
import Video

@Suite struct SynthesizerTests {
  private static let small: SynthesisOptions = {
    var options = SynthesisOptions()
    options.videos = 10
    options.labels = 4
    options.validationPerLabel = 1
    options.secondsRange = 0.5...1.5
    options.width = 96
    options.height = 64
    return options
  }()

  /// A path in the temporary directory that does not exist, given to `body` and removed afterwards.
  private static func withDirectory(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("synthesis-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  private static func contents(_ directory: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: directory) where name != "videos" {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)"))
    }
    return files
  }

  @Test func twoRunsAreByteIdenticalWhateverTheWorkers() throws {
    try Self.withDirectory { directory in
      var options = Self.small
      options.workers = 1
      try Synthesizer.run(options, into: directory + "/a") { _, _ in }
      options.workers = 3
      try Synthesizer.run(options, into: directory + "/b") { _, _ in }
      let (a, b) = (try Self.contents(directory + "/a"), try Self.contents(directory + "/b"))
      #expect(a == b)
      let named = ["labels.txt", "pairs.txt"]
      #expect(named.allSatisfy { a[$0] != nil })
      #expect(a.count == 10 + 4)
      #expect(a.values.allSatisfy { !$0.isEmpty })
      options.seed = 2
      try Synthesizer.run(options, into: directory + "/c") { _, _ in }
      let c = try Self.contents(directory + "/c")
      #expect(c["videos/000000.mp4"] != a["videos/000000.mp4"])
      #expect(c["labels.txt"] == a["labels.txt"])
    }
  }

  @Test func filesSayWhatThePlanSays() throws {
    try Self.withDirectory { directory in
      var calls: [Int] = []
      let summary = try Synthesizer.run(Self.small, into: directory) { done, all in
        calls.append(done)
        #expect(all == 10)
      }
      #expect(summary.videos == 10 && summary.train == 6 && summary.validation == 4 && summary.labels == 4)
      #expect(calls.first == 0 && calls.last == 10 && calls == Set(calls).sorted())

      let plan = try CollectionPlan(Self.small)
      let manifest = try lines("\(directory)/manifest.jsonl")
      let truth = try lines("\(directory)/truth.jsonl")
      #expect(manifest.count == 10 && truth.count == 10)
      for (index, video) in plan.videos.enumerated() {
        #expect(manifest[index]["file"] as? String == video.file)
        #expect(manifest[index]["hashtags"] as? [String] == video.hashtags)
        #expect(manifest[index]["split"] as? String == video.split.rawValue)
        #expect(manifest[index]["labels"] as? [String] == (video.split == .train ? nil : [video.label.phrase]))
        #expect(truth[index]["label"] as? String == video.label.phrase)
        #expect(truth[index]["tag_noise"] as? String == video.noise.rawValue)
        #expect(truth[index]["frames"] as? Int == video.scene.frameCount)
      }
      for video in plan.videos {
        let info = try VideoProbe.probe(path: "\(directory)/\(video.file)")
        #expect(info.frameCount == video.scene.frameCount && info.width == 96 && info.height == 64)
        #expect(abs(info.framesPerSecond - video.scene.framesPerSecond.value) < 1e-6)
      }
      let labels = try String(contentsOfFile: "\(directory)/labels.txt", encoding: .utf8)
      #expect(labels == plan.labels.map { $0.phrase + "\n" }.joined())
    }
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func anythingInTheDirectoryIsAnError() throws {
    try Self.withDirectory { directory in
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(fileURLWithPath: directory + "/note"))
      let error = #expect(throws: SynthesisError.self) {
        try Synthesizer.run(Self.small, into: directory) { _, _ in }
      }
      #expect(error?.code == .directoryNotEmpty)
      #expect(error?.message.contains(directory) == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["note"])
    }
  }

  @Test func aFileInTheWayIsAnError() {
    let error = #expect(throws: SynthesisError.self) {
      try Synthesizer.run(Self.small, into: "/dev/null/collection") { _, _ in }
    }
    #expect(error?.code == .io)
  }

  @Test func aVideoThatCannotBeWrittenLeavesNothingBehind() throws {
    try Self.withDirectory { directory in
      // A folder takes the place of the sixth video as soon as work has begun.
      let error = #expect(throws: SynthesisError.self) {
        try Synthesizer.run(Self.small, into: directory) { done, _ in
          guard done == 0 else { return }
          try? FileManager.default.createDirectory(
            atPath: directory + "/videos/000005.mp4", withIntermediateDirectories: false)
        }
      }
      #expect(error?.code == .encode)
      #expect(error?.description.contains("000005.mp4") == true)
      #expect(!FileManager.default.fileExists(atPath: directory))
    }
  }
}
