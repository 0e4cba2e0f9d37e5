import Foundation
import Testing

/// Weights of others and of other networks, and the evaluation at every place of a frame.
@Suite(.serialized) struct WeightsTests {
  func topology(_ network: String, steps: Int = 2) throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.network = network
    topology.steps = steps
    return topology
  }

  /// Runs a script of `scripts/python` with the machine's own Python.
  func python(_ script: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let path = DocumentationTests.repository.appendingPathComponent("scripts/python/\(script)").path
    process.arguments = ["python3", "-B", path] + arguments
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(script): \(text)")
    return text
  }

  func weights(_ topology: SmallTopology, _ arguments: [String] = ["--stop-after", "0"]) throws -> String {
    let run = try RunHandle(topology, arguments)
    _ = try run.report()
    return "\(run.output)/weights.safetensors"
  }

  @Test(arguments: ["r2plus1d-18", "r2plus1d-18-torchvision", "r2plus1d-34", "r2plus1d-101", "r3d-18"])
  func weightsOfTorchAndCaffe2ComeBackAsTheyWere(network: String) throws {
    let scratch = Workspace.shared.scratch().path
    let text = try python("test_convert_weights.py", [weights(topology(network)), scratch])
    #expect(text.hasSuffix("ok\n"), "\(text)")
    #expect(text.contains(": \(network), width 0.25, 4 classes"), "\(text)")
    // And sluice takes what was converted.
    var from = try topology(network)
    from.train = ", weights: \(scratch)/caffe2.safetensors"
    _ = try weights(from, [])
  }

  /// paper.md section 1: a network on frames, repeated in time and divided by the frames of its kernels.
  @Test func aNetworkOnFramesBecomesOneOnClips() throws {
    var frames = try topology("r2d-18", steps: 4)
    frames.clip = "{frames: 1, resize: [40, 54], crop: 32}"
    let flat = try weights(frames, [])
    var clips = try topology("r3d-18")
    clips.train = ", weights: \(flat)"
    let refused = try Sluice.run(["run", try clips.write(), "--output", Workspace.shared.scratch().path])
    #expect(refused.status != 0)
    #expect(
      refused.stderr.contains("misshapen: stem.0.weight [16, 3, 1, 7, 7], not [16, 3, 3, 7, 7]"), "\(refused.stderr)")
    clips.train += ", inflate: true"
    let inflated = try weights(clips)
    #expect(try weights(clips, []) != inflated)
    let output = try Sluice.run(["evaluate", inflated, "--clips", "1", "--json"])
    #expect(output.status == 0, "\(output.stderr)")
  }

  @Test func everyPlaceOfAFrameIsEvaluated() throws {
    let run = try RunHandle(topology("r2plus1d-10", steps: 8))
    _ = try run.report()
    func evaluate(_ arguments: [String]) throws -> Sluice.Output {
      try Sluice.run(["evaluate", run.output, "--clips", "2", "--json"] + arguments)
    }
    func summary(_ arguments: [String]) throws -> [String: Any] {
      let output = try evaluate(arguments)
      try #require(output.status == 0, "\(output.stderr)")
      return try output.json()
    }
    let center = try summary([])
    let full = try summary(["--crop", "full"])
    #expect((full["protocol"] as? String) == "2 uniform clips, every place of 40x40, softmax mean")
    #expect((center["protocol"] as? String) == "2 uniform clips, centre crop, softmax mean")
    #expect(full["videos"] as? Int == center["videos"] as? Int)
    // As large as the training crop there is one place: the same as the centre crop of such frames.
    let one = try summary(["--crop", "full", "--short-edge", "32"])
    let same = try summary(["--crop", "center", "--short-edge", "32"])
    #expect(one["map"] as? Double == same["map"] as? Double)
    let large = try summary(["--crop", "full", "--short-edge", "64", "--average", "logits"])
    #expect((large["protocol"] as? String) == "2 uniform clips, every place of 64x64, logits mean")
    let small = try evaluate(["--crop", "full", "--short-edge", "24"])
    #expect(small.status != 0 && small.stderr.contains("smaller than the crop of 32"), "\(small.stderr)")
    let unknown = try evaluate(["--crop", "corner"])
    #expect(unknown.status != 0 && unknown.stderr.contains("center or full"))
  }
}
