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
    for (name, script) in try Self.blocks("docs/corpus.md") {
      let process = try Self.bash(script)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "docs/corpus.md, block \(name)")
    }
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
