import Foundation
import Glibc
import Testing

/// Every example in README.md and docs/ runs as written.
@Suite(.serialized) struct DocumentationTests {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The shell blocks of a document, by the name in the comment before them.
  static func blocks(_ document: String) throws -> [(name: String, script: String)] {
    let text = try String(contentsOf: repository.appendingPathComponent(document), encoding: .utf8)
    var blocks: [(String, String)] = []
    var name: String?
    var script: [Substring]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("<!-- test: ") {
        name = String(line.dropFirst(11).dropLast(4))
      } else if line == "```sh" {
        script = []
      } else if line == "```", let body = script {
        blocks.append(
          (try #require(name, "\(document): a shell block without a test's name"), body.joined(separator: "\n")))
        (name, script) = (nil, nil)
      } else {
        script?.append(line)
      }
    }
    return blocks
  }

  /// A directory as a newcomer has it after the quickstart's collection was made.
  static let home: Result<URL, any Error> = Result {
    let home = Workspace.shared.root.appendingPathComponent("home")
    try FileManager.default.createDirectory(at: home.appendingPathComponent("data"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: home.appendingPathComponent("topology"), withDestinationURL: repository.appendingPathComponent("topology"))
    let made = try Sluice.run([
      "synthesize", home.appendingPathComponent("data/quickstart").path, "--videos", "60", "--labels", "5",
      "--seconds", "2", "--validation-per-label", "2",
    ])
    try #require(made.status == 0, "\(made.stderr)")
    return home
  }

  static func bash(_ script: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-euo", "pipefail", "-c", script]
    process.currentDirectoryURL = try home.get()
    let path = "\(Sluice.binaries.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
    process.environment = ProcessInfo.processInfo.environment.merging(["PATH": path]) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    return process
  }

  @Test func theReadmesExamplesRun() throws {
    let blocks = try Self.blocks("README.md")
    #expect(blocks.map(\.name) == ["corpus", "live", "two-hosts"])
    for (name, script) in blocks {
      var background: Process?
      if name == "live" {
        background = try Self.bash("exec sluice run topology/quickstart.yaml --set train.steps=4000 --output runs/live")
        _ = try eventually("a live run") {
          FileManager.default.fileExists(
            atPath: try Self.home.get().appendingPathComponent("runs/live/metrics.jsonl").path)
            ? true : nil
        }
      }
      let process = try Self.bash(script)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "README.md, block \(name)")
      if let background {
        kill(background.processIdentifier, SIGTERM)
        background.waitUntilExit()
        #expect(background.terminationStatus == 0)
      }
    }
  }

  @Test func theExamplesOnTheCorpusRun() throws {
    let data = try Self.home.get().appendingPathComponent("data")
    let verbNet = data.appendingPathComponent("verbnet")
    try FileManager.default.createDirectory(at: verbNet, withIntermediateDirectories: true)
    let verbs = #"<VNCLASS ID="run-51.3.2"><MEMBERS><MEMBER name="run"/><MEMBER name="ride"/></MEMBERS></VNCLASS>"#
    try verbs.write(to: verbNet.appendingPathComponent("run-51.3.2.xml"), atomically: true, encoding: .utf8)
    let synsets = data.appendingPathComponent("synsets.txt")
    try "n02084071\nn02374451\n".write(to: synsets, atomically: true, encoding: .utf8)
    try Self.writeDatasets()
    for name in ["web", "target"] { try Self.writeFeatures("\(name).safetensors") }
    for (name, script) in try Self.blocks("docs/corpus.md") {
      let process = try Self.bash(script)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "docs/corpus.md, block \(name)")
    }
  }

  /// Features of the first two rows of an index.
  private static func writeFeatures(_ name: String) throws {
    let header =
      #"{"features":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]},"rows":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}"#
    var file = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { file.append(contentsOf: $0) }
    file.append(Data(header.utf8))
    for row: Int64 in [0, 1] { withUnsafeBytes(of: row.littleEndian) { file.append(contentsOf: $0) } }
    for value: Float in [1, 0, 0, 1] { withUnsafeBytes(of: value) { file.append(contentsOf: $0) } }
    try file.write(to: home.get().appendingPathComponent(name))
  }

  /// Every published data set of the examples, with one video each.
  private static func writeDatasets() throws {
    let home = try home.get()
    let kitchens = "participant_id,video_id,start_timestamp,stop_timestamp,verb,verb_class,noun,noun_class\n"
    for (name, text) in [
      ("k400/annotations/train.csv", "label,youtube_id,time_start,time_end,split\nriding a bike,abc,0,10,train\n"),
      ("EPIC_100_train.csv", kitchens + "P01,P01_01,00:00:00.10,00:00:01.00,open,2,door,8\n"),
      ("labels/something-something-v2-train.json", #"[{"id": "1", "template": "Holding [something]"}]"#),
      ("labels-v1/something-something-v1-train.csv", "100218;Holding something\n"),
      ("ucfTrainTestlist/trainlist01.txt", "Archery/v_Archery_g01_c01.avi 1\n"),
      ("testTrainMulti_7030_splits/wave_test_split2.txt", "a_wave.avi 1\n"),
    ] {
      let file = home.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let source = home.appendingPathComponent("data/quickstart/videos")
    let video = try #require(try FileManager.default.contentsOfDirectory(atPath: source.path).sorted().first)
    for name in [
      "k400/videos/train/abc_000000_000010.mp4", "EPIC-KITCHENS/P01/P01_01.MP4", "20bn-something-something-v2/1.webm",
      "UCF-101/Archery/v_Archery_g01_c01.avi", "hmdb51_org/wave/a_wave.avi",
    ] {
      let file = home.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: source.appendingPathComponent(video), to: file)
    }
    let frames = "20bn-something-something-v1/100218"
    let folders = try bash(
      "mkdir -p \(frames); ffmpeg -nostdin -loglevel error -i data/quickstart/videos/\(video) \(frames)/%05d.jpg")
    folders.waitUntilExit()
    try #require(folders.terminationStatus == 0)
  }

  @Test func everyTopologyIsValid() throws {
    let names = try FileManager.default.contentsOfDirectory(
      atPath: Self.repository.appendingPathComponent("topology").path)
    #expect(names.count >= 4)
    for name in names {
      let output = try Sluice.run(["check", Self.repository.appendingPathComponent("topology/\(name)").path])
      #expect(output.status == 0, "\(name): \(output.stderr)")
      #expect(output.stdout.contains("decode") && output.stdout.contains("a step trains on "))
    }
  }
}
