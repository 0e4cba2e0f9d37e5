import Foundation
import Glibc
import Testing

/// Runs whose windows and clips travel as planes.
@Suite(.serialized) struct FormatTests {
  private static let planes = ["--set", "links.format=yuv420p"]

  func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }

  @Test func planesGiveTheSameForAllCounts() throws {
    let run = try RunHandle(topology(), Self.planes)
    let report = try run.report()
    #expect(try hash(report) != hash(ReproducibilityTests.baseline.get()))
    var more = try topology()
    more.count(["decode": 3, "augment": 3, "batch": 3, "train": 3, "average": 2])
    let again = try RunHandle(more, Self.planes, faults: "slow=2:4").report()
    #expect(try hash(again) == hash(report))
    for stage in ["decode", "augment", "batch", "train"] { #expect(work(again, stage).count == 3) }
    var chained = try topology()
    chained.hosts =
      "here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, "
      + "evaluate: 1, chain: [decode, augment]}"
    let packed = try RunHandle(chained, Self.planes + ["--set", "links.compression=none"]).report()
    #expect(try hash(packed) == hash(report))

    // The weights say what their clips were made of, whoever evaluates them.
    let output = try Sluice.run(["evaluate", run.output, "--clips", "2", "--json"])
    try #require(output.status == 0, "\(output.stderr)")
    let inRun = try #require(report["evaluation"] as? [String: Any])
    #expect(try output.json()["map"] as? Double == inRun["map"] as? Double)
  }

  @Test func anotherFormatIsNotResumed() throws {
    let run = try RunHandle(topology(), Self.planes + ["--stop-after", "4"])
    _ = try run.report()
    let other = try RunHandle(topology(), ["--resume"], output: run.output).live.wait(seconds: 60)
    #expect(other.status > 0)
    #expect(other.stderr.contains("links.format: yuv420p → rgb24"), "\(other.stderr)")
  }

  /// Frames of 40x54 and crops of 32: bytes that every item takes, uncompressed, and what a tap shows of them.
  @Test(arguments: [("rgb24", 2), ("yuv420p", 1)]) func bytesAndTaps(format: String, halves: Int) throws {
    var long = try topology()
    long.steps = 4000
    let run = try RunHandle(long, ["--set", "links.format=\(format)", "--set", "links.compression=none"])
    try run.waitForStep(2)
    for (stage, bytes) in [("decode", 5 * 40 * 54 * 3 * halves / 2), ("augment", 4 * 32 * 32 * 3 * halves / 2)] {
      let (items, sent) = try eventually("a heartbeat of \(stage) at work") { () -> (Int, Int)? in
        let workers = try run.status()?["workers"] as? [[String: Any]]
        let counters = workers?.first { $0["stage"] as? String == stage }?["counters"] as? [String: Any]
        guard let items = counters?["items"] as? Int, items > 0 else { return nil }
        return (items, counters?["bytesOut"] as? Int ?? 0)
      }
      #expect(sent == items * bytes, "\(stage)")
    }
    let shapes =
      format == "rgb24"
      ? ["[5,40,54,3],", "[4,32,32,3],", "[4,32,32,3],"] : ["[5,60,54],", "[4,48,32],", "[4,48,32],"]
    for (stage, shape) in zip(["decode", "augment", "batch"], shapes) {
      let directory = Workspace.shared.scratch().path
      let tap = try Sluice.run([
        "tap", stage, "--limit", "2", "--timeout", "30", "--output", directory, "--run", run.output,
      ])
      #expect(tap.status == 0, "\(tap.stderr)")
      #expect(tap.stdout.contains("\"shape\":\(shape)") && tap.stdout.contains("\"dtype\":\"uint8\""), "\(tap.stdout)")
      #expect(tap.stdout.contains("\"layout\":\"\(format == "rgb24" ? "thwc" : "planarYUV420")\""), "\(tap.stdout)")
      let sheets = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".png") }
      #expect(!sheets.isEmpty)
    }
    try expectPythonConverts(run, format: format)
    kill(run.live.process.processIdentifier, SIGTERM)
    #expect(try run.report()["stopped"] as? Bool == true)
  }

  /// What another language makes of a tap, by the formula of `docs/wire-format.md`, is what the frames look like: the
  /// collection's, of middling brightness.
  private func expectPythonConverts(_ run: RunHandle, format: String) throws {
    let workers = try #require(try run.status()?["workers"] as? [[String: Any]])
    let decode = try #require(workers.first { $0["stage"] as? String == "decode" })
    let endpoint = try #require((decode["tap"] as? [String: String])?["ipc"])
    let file = Workspace.shared.scratch().appendingPathComponent("frame.ppm")
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    let script = DocumentationTests.repository.appendingPathComponent("scripts/python/tap.py").path
    python.arguments = [script, endpoint, "decode/1", file.path]
    python.standardOutput = Pipe()
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
    let image = try Data(contentsOf: file)
    let header = Data("P6 54 40 255\n".utf8)
    #expect(image.prefix(header.count) == header && image.count == header.count + 40 * 54 * 3)
    let mean = image.dropFirst(header.count).reduce(0) { $0 + Int($1) } / (40 * 54 * 3)
    #expect((40...215).contains(mean), "a mean of \(mean)")
  }
}
