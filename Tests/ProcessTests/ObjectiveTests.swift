import Foundation
import Testing

/// Losses and precisions, through the whole topology.
@Suite(.serialized) struct ObjectiveTests {
  func topology(_ train: String = "") throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.train = train
    return topology
  }

  @Test func labelSmoothingChangesTheResult() throws {
    let plain = try ReproducibilityTests.baseline.get()
    let smoothed = try RunHandle(topology(", label_smoothing: 0.1")).report()
    #expect(try hash(smoothed) != hash(plain))
    // At first every class is as likely as any other: log 4, smoothed or not.
    let (first, second) = (
      try #require(plain["loss_first"] as? Double), try #require(smoothed["loss_first"] as? Double)
    )
    #expect(abs(first - log(4)) < 0.2 && abs(second - log(4)) < 0.2, "\(first), \(second)")
  }

  @Test func severalLabelsAClipTrainAndEvaluateBySigmoids() throws {
    // A second label for every video of evaluation, beside its own: only mean average precision counts it.
    let corpus = try SmallCorpus(videos: 60, name: "several").directory
    let names = try String(contentsOfFile: "\(corpus)/labels.txt", encoding: .utf8).split(separator: "\n").map(
      String.init)
    let manifest = try String(contentsOfFile: "\(corpus)/manifest.jsonl", encoding: .utf8).split(separator: "\n")
    let lines = try manifest.map { line in
      var object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      if let labels = object["labels"] as? [String], let own = names.firstIndex(of: labels[0]) {
        object["labels"] = [labels[0], names[(own + 1) % names.count]]
      }
      return String(decoding: try JSONSerialization.data(withJSONObject: object, options: .sortedKeys), as: UTF8.self)
    }
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: "\(corpus)/manifest.jsonl", atomically: true, encoding: .utf8)
    #expect(try Sluice.run(["corpus", "build", corpus]).status == 0)

    var several = try topology(", loss: sigmoid")
    several.corpus = corpus
    let run = try RunHandle(several)
    let report = try run.report()
    // One logistic loss a class, about log 2 each at first; softmax would be at log 4.
    let loss = try #require(report["loss_first"] as? Double)
    #expect(abs(loss - log(2)) < 0.15, "\(loss)")
    var more = several
    more.count(["train": 2, "average": 2, "decode": 2])
    #expect(try hash(RunHandle(more).report()) == hash(report))

    func evaluate(_ arguments: [String] = []) throws -> [String: Any] {
      let output = try Sluice.run(["evaluate", run.output, "--clips", "2", "--json"] + arguments)
      try #require(output.status == 0, "\(output.stderr)")
      return try output.json()
    }
    let own = try evaluate()
    #expect((own["protocol"] as? String)?.contains("sigmoid mean") == true)
    let inRun = try #require(report["evaluation"] as? [String: Any])
    #expect(own["map"] as? Double == inRun["map"] as? Double)
    #expect((try evaluate(["--average", "softmax"])["protocol"] as? String)?.contains("softmax mean") == true)
  }

  @Test func float64TrainsTheSameNetworkWithLessRounding() throws {
    let single = try RunHandle(topology(", precision: float32"), ["--steps", "3"]).report()
    var exact = try topology(", precision: float64")
    let run = try RunHandle(exact, ["--steps", "3"])
    let double = try run.report()
    #expect(try hash(double) != hash(single), "other rounding")
    for key in ["loss_first", "loss_last"] {
      let (a, b) = (try #require(double[key] as? Double), try #require(single[key] as? Double))
      #expect(abs(a - b) < 1e-3, "\(key): \(a) and \(b)")
    }
    #expect(double["evaluation"] is [String: Any])
    exact.count(["train": 2, "decode": 2])
    #expect(try hash(RunHandle(exact, ["--steps", "3"]).report()) == hash(double))
  }

  @Test func aResumedRunKeepsItsLoss() throws {
    let run = try RunHandle(topology(), ["--stop-after", "4"])
    _ = try run.report()
    for (setting, text) in [
      ("train.loss=sigmoid", "train.loss: softmax → sigmoid"),
      ("train.label_smoothing=0.1", "train.label_smoothing: 0 → 0.1"),
      ("train.clip_norm=1", "train.clip_norm: none → 1"),
      ("train.precision=float64", "train.precision: float32 → float64"),
    ] {
      let output = try Sluice.run(
        ["run", try topology().write(), "--output", run.output, "--resume", "--set", setting])
      #expect(output.status != 0 && output.stderr.contains(text), "\(output.stderr)")
    }
  }
}
