import Foundation
import Glibc
import Testing

/// Bad input gets a clear error and a non-zero exit.
@Suite(.serialized) struct BadInputTests {
  func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }

  func failure(_ arguments: [String], contains words: [String]) throws {
    let output = try Sluice.run(arguments, seconds: 30)
    #expect(output.status > 0, "\(arguments)")
    for word in words { #expect(output.stderr.contains(word), "\(arguments): \(output.stderr)") }
  }

  @Test func fiveMistakesAreFiveErrorsWithTheirLines() throws {
    let path = Workspace.shared.scratch().appendingPathComponent("bad.yaml").path
    try """
    name: bad
    seed: -1
    corpus: nowhere
    hosts:
      here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}
    clip: {frames: 8, stride: 1, resize: [64, 86], crop: 100}
    sampling: {labels: squareroot}
    train: {network: r2plus1d-19, replicas: 0, batch: 4, steps: 10, learning_rate: 0.01}
    """.write(toFile: path, atomically: true, encoding: .utf8)
    let output = try Sluice.run(["check", path])
    #expect(output.status > 0)
    let lines = output.stderr.split(separator: "\n").filter { $0.contains("bad.yaml:") }
    #expect(lines.count == 5, "\(output.stderr)")
    for number in [2, 6, 7, 8] { #expect(output.stderr.contains("bad.yaml:\(number):"), "\(output.stderr)") }
  }

  @Test func aProgramThatIsNotInstalledIsNamed() throws {
    let scratch = Workspace.shared.scratch()
    for (name, text) in [("labels.txt", "fish"), ("m.jsonl.gz", "")] {
      try text.write(to: scratch.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }
    let arguments = [
      "\(scratch.path)/m.jsonl.gz", "--labels", "\(scratch.path)/labels.txt", "--output", "\(scratch.path)/o",
    ]
    let live = try Sluice.Live(["corpus", "match"] + arguments, launcher: ["/usr/bin/env", "PATH=/nowhere"])
    let output = try live.wait(seconds: 30)
    #expect(output.status > 0 && output.stderr.contains("m.jsonl.gz: gzip cannot be started; install it"), "\(output)")
  }

  /// Root reads every folder unless it has given that right away.
  @Test func aFolderOfVideosThatCannotBeReadIsNamed() throws {
    let root = Workspace.shared.scratch().path
    for folder in ["videos/a", "videos/b"] {
      try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
      try Data().write(to: URL(fileURLWithPath: "\(root)/\(folder)/v\(folder.last!).mp4"))
    }
    try "label,youtube_id,time_start,time_end,split\nx,va,1,2,train\nx,vb,1,2,train\n".write(
      toFile: "\(root)/train.csv", atomically: true, encoding: .utf8)
    chmod("\(root)/videos/b", 0)
    defer { chmod("\(root)/videos/b", 0o700) }
    let rights = ["/usr/bin/setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    let live = try Sluice.Live(
      [
        "corpus", "import", "kinetics", "\(root)/train.csv", "--videos", "\(root)/videos", "--output", "\(root)/corpus",
      ],
      launcher: geteuid() == 0 ? rights : [])
    let output = try live.wait(seconds: 30)
    #expect(output.status == 0 && output.stdout.contains("1 clips"), "\(output)")
    #expect(output.stdout.contains("whose videos count as missing: \(root)/videos/b\n"), "\(output)")
  }

  /// One trains, the other is told, and takes nothing away.
  @Test func twoRunsThatStartInOneDirectoryAtOnce() throws {
    let file = try topology().write()
    let output = Workspace.shared.scratch().appendingPathComponent("both").path
    let both = try (0..<2).map { _ in
      try Sluice.Live(["run", file, "--output", output, "--stop-after", "2", "--json"])
    }
    let ends = try both.map { try $0.wait(seconds: 60) }
    #expect(ends.filter { $0.status == 0 }.count == 1, "\(ends)")
    let told = try #require(ends.first { $0.status != 0 })
    #expect(told.stderr.contains("\(output): exists already"), "\(told.stderr)")
    #expect(FileManager.default.fileExists(atPath: "\(output)/report.json"))
  }

  @Test func runsThatCannotStart() throws {
    let good = try topology()
    let file = try good.write()
    let used = try RunHandle(good, ["--stop-after", "1"])
    _ = try used.report()
    try failure(["run", file, "--output", used.output], contains: [used.output, "--resume"])
    let fresh = Workspace.shared.scratch().appendingPathComponent("none").path
    try failure(["run", file, "--output", fresh, "--resume"], contains: [fresh, "no run"])
    try failure(["run", file, "--output", fresh, "--set", "corpus=/nowhere"], contains: ["/nowhere", "corpus build"])
    #expect(!FileManager.default.fileExists(atPath: fresh), "the next try finds the place as this one did")
    // The topology itself is right, here or on the hosts that have the files.
    let checked = try Sluice.run(["check", file, "--set", "corpus=/nowhere", "--set", "train.weights=/none"])
    #expect(checked.status == 0)
    for word in ["warning: corpus: /nowhere/corpus.sqlite: missing", "warning: train.weights: /none"] {
      #expect(checked.stderr.contains(word), "\(checked.stderr)")
    }
    try failure(
      ["run", file, "--output", used.output, "--resume", "--set", "train.batch=8"], contains: ["train.batch", "4", "8"])
    try failure(["scale", "decade=3", "--run", used.output], contains: [used.output, "no live run"])
    try failure(
      ["run", file, "--output", fresh, "--set", "subset=/none.subset"], contains: ["/none.subset", "corpus subset"])
    try failure(["worker", "plan", "--join", "ipc://@nobody"], contains: ["plan", "Usage: sluice worker"])
    for (arguments, words) in [
      (["--host", ""], "--host : a host's name"), (["--host", "x/decode/0#1"], "letters, digits"),
      (["--join", "tcp://127.0.0.1:99999"], "the port 1 to 65533"),
      (["--security", "curve"], "--security needs --keys"),
    ] {
      try failure(["worker", "decode", "--join", "tcp://127.0.0.1:7700"] + arguments, contains: [words])
    }
    try failure(["scale", "decode==3"], contains: ["decode==3: give STAGE=N"])
    try failure(["simulate", file, "--costs", "x", "--gigabits", "inf"], contains: ["--gigabits"])
    try failure(["keys", "list", "/nowhere"], contains: ["/nowhere: no such directory"])
    try failure(["keys", "list", file], contains: [file, "directory"])
    try failure(["tap", "decode", "--limit=-1"], contains: ["--limit", "Usage: sluice tap"])
    for command in [["run", file], ["node", file, "--host", "here"]] {
      try failure(command + ["--stop-after=-1"], contains: ["--stop-after takes", "Usage: sluice \(command[0])"])
    }
  }

  @Test func outputsThatCannotBeWritten() throws {
    let scratch = Workspace.shared.scratch().path
    let file = "\(scratch)/afile"
    try "a file\n".write(toFile: file, atomically: true, encoding: .utf8)
    let topology = try topology().write()
    let refused = [
      (["run", topology, "--output", file], "\(file): cannot make the directory: File exists; "),
      (
        ["run", topology, "--output", "/proc/nope"],
        "/proc/nope: cannot make the directory: No such file or directory; "
      ),
      (["synthesize", "\(file)/x"], "\(file)/x: cannot make the directory: Not a directory; "),
      (["tap", "augment", "--output", file], "\(file): cannot make the directory: File exists; "),
    ]
    for (arguments, reason) in refused { try failure(arguments, contains: [reason, "choose another path"]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch) == ["afile"])
  }

  @Test func aLiveRunRefusesASecondOneAndUnknownStages() throws {
    var long = try topology()
    long.steps = 4000
    let run = try RunHandle(long)
    try run.waitForStep(1)
    try failure(
      ["run", try long.write(), "--output", run.output, "--resume"], contains: [run.output, "is running"])
    try failure(["scale", "decade=3", "--run", run.output], contains: ["decade", "decode"])
    try failure(["tap", "decade", "--run", run.output], contains: ["decade", "decode"])
    kill(run.live.process.processIdentifier, SIGTERM)
    _ = try run.report()
  }

  @Test func aPortInUseIsNamed() throws {
    let port = Int.random(in: 20000..<30000)
    var first = try topology()
    first.steps = 4000
    first.hosts = first.hosts.replacingOccurrences(of: "coordinator: true", with: "coordinator: true, port: \(port)")
    let run = try RunHandle(first)
    try run.waitForStep(1)
    var second = first
    second.name = "second"
    let other = Workspace.shared.scratch().appendingPathComponent("run").path
    try failure(["run", try second.write(), "--output", other], contains: ["\(port)"])
    #expect(!FileManager.default.fileExists(atPath: other), "nothing is left of it")
    kill(run.live.process.processIdentifier, SIGTERM)
    _ = try run.report()
  }

  @Test func labelsThatMatchNothing() throws {
    let directory = try SmallCorpus(videos: 24, name: "unmatched").directory
    try "juggling a piano\n".write(toFile: "\(directory)/labels.txt", atomically: true, encoding: .utf8)
    try failure(["corpus", "build", directory], contains: ["labels.txt"])
  }

  @Test func plotsOfNoDirectory() throws {
    for name in ["", "=", "=a.subset", "a="] {
      try failure(["corpus", "plot", name, "--output", "a.svg"], contains: ["`\(name)`: give a directory"])
    }
    try failure(["corpus", "plot", "/nowhere=a", "--output", "a.svg"], contains: ["/nowhere/corpus.sqlite: missing"])
  }

  @Test func decodeSaysWhatItsOptionsTake() throws {
    let output = Workspace.shared.scratch().appendingPathComponent("f.safetensors").path
    for (option, text) in [("--frame", "--frame must be 0 or more"), ("--at", "--at must be 0 or more")] {
      try failure(["decode", "a.mp4", option, "-1", "--frames", "8", "--output", output], contains: [text])
    }
    try failure(["bench", "decode", "a.mp4", "--starts", "1", "--uniform", "10"], contains: ["not both"])
  }

  @Test func unreadableWeights() throws {
    let path = Workspace.shared.scratch().appendingPathComponent("weights.safetensors").path
    try "not safetensors".write(toFile: path, atomically: true, encoding: .utf8)
    try failure(["evaluate", path], contains: [path])
    try failure(["predict", "nothing.mp4", "--weights", path + ".missing"], contains: [path])
    let fresh = Workspace.shared.scratch().appendingPathComponent("run").path
    try failure(
      ["run", try topology().write(), "--output", fresh, "--set", "train.weights=\(path)"], contains: [path])
  }

  @Test func weightsThatDoNotFitAreNamedBeforeAnythingStarts() throws {
    let run = try RunHandle(topology(), ["--stop-after", "0"])
    _ = try run.report()
    let weights = "\(run.output)/weights.safetensors"
    try failure(["predict", "nothing.mp4", "--weights", weights], contains: ["Error: nothing.mp4: file not found\n"])
    // What can be read is predicted all the same.
    let videos = "\(try SmallCorpus.shared.get().directory)/videos"
    let good = try FileManager.default.contentsOfDirectory(atPath: videos).filter { $0.hasSuffix(".mp4") }.min()
    let video = "\(videos)/\(try #require(good))"
    let mixed = try Sluice.run(["predict", "nothing.mp4", video, "\(video).tar#a.mp4", "--weights", weights, "--json"])
    #expect(mixed.status == 1, "\(mixed.stderr)")
    #expect(mixed.stderr.contains("nothing.mp4: file not found\n\(video).tar: "), "\(mixed.stderr)")
    #expect(mixed.stdout.contains(#""predictions":[{"labels":[{"#), "\(mixed.stdout)")
    #expect(mixed.stdout.contains(#""video":"\#(video)""#), "\(mixed.stdout)")
    #expect(mixed.stdout.contains(#""skipped":[{"reason":"nothing.mp4: file not found""#), "\(mixed.stdout)")
    func start(_ changes: [String]) throws -> [String] {
      let fresh = Workspace.shared.scratch().appendingPathComponent("run").path
      return ["run", try topology().write(), "--output", fresh] + changes.flatMap { ["--set", $0] }
    }
    // Another network: every tensor, by name, what is missing and what has another shape.
    try failure(
      start(["train.weights=\(weights)", "train.network=r2plus1d-18"]),
      contains: [weights, "missing: layer1.1.conv1.0.0.weight, ", "layer4.1.conv2.1.running_var"])
    try failure(
      start(["train.weights=\(weights)", "train.network=r3d-18"]),
      contains: ["missing: ", "unexpected: ", "stem.3.weight"])
    try failure(
      start(["train.weights=\(weights)", "train.width=0.5"]), contains: ["misshapen: stem.0.weight [11, 3, 1, 7, 7]"])
    // The same number of other labels.
    let corpus = try SmallCorpus(videos: 24, name: "renamed").directory
    let labels = "\(corpus)/labels.txt"
    let names = try String(contentsOfFile: labels, encoding: .utf8)
    let lines = names.split(separator: "\n").map(String.init)
    try (lines.dropFirst().joined(separator: "\n") + "\n\(lines[0])\n").write(
      toFile: labels, atomically: true, encoding: .utf8)
    #expect(try Sluice.run(["corpus", "build", corpus]).status == 0)
    let other = ["train.weights=\(run.output)", "corpus=\(corpus)"]
    try failure(start(other), contains: ["its labels are not the corpus'", "number 0 is \(lines[0])", "head: new"])
    let output = try Sluice.run(start(other + ["train.head=new", "train.steps=2"]))
    #expect(output.status == 0, "\(output.stderr)")
  }

  @Test func clipsTooShortForTheNetwork() throws {
    let fresh = Workspace.shared.scratch().appendingPathComponent("run").path
    let sizes = ["clip.frames=1", "clip.slack=0", "clip.crop=8", "train.batch=1"]
    try failure(
      ["run", try topology().write(), "--output", fresh] + sizes.flatMap { ["--set", $0] },
      contains: ["1 frames of 8x8 is too short and small", "r2plus1d-10", "larger batch"])
  }

  @Test func aLossThatIsNotFinite() throws {
    var wild = try topology()
    wild.steps = 60
    let run = try RunHandle(
      wild,
      ["--set", "train.learning_rate=10000", "--set", "train.weight_decay=1", "--set", "checkpoint.every=1"])
    let output = try run.live.wait(seconds: 60)
    #expect(output.status == 1)
    for part in ["replica", "not a finite number", "slot 0 draw 0: ", ".mp4", "train.learning_rate"] {
      #expect(output.stderr.contains(part), "\(part) in \(output.stderr)")
    }
    // The last good checkpoint is there, named, and starts another run.
    let match = try #require(output.stderr.firstMatch(of: /step (\d+), replica.*the checkpoint of step (\d+) is kept/))
    let (step, kept) = (try #require(Int(match.1)), try #require(Int(match.2)))
    #expect((1...step).contains(kept), "\(output.stderr)")
    let digits = String(kept)
    let checkpoint = "\(run.output)/checkpoints/step-" + String(repeating: "0", count: 6 - digits.count) + digits
    var tame = try topology()
    tame.train = ", weights: \(checkpoint)"
    let report = try RunHandle(tame, ["--stop-after", "0"]).report()
    let untrained = try RunHandle(topology(), ["--stop-after", "0"]).report()
    #expect(try hash(report) != hash(untrained))
    let other = Workspace.shared.scratch().appendingPathComponent("run").path
    try failure(
      ["run", try tame.write(), "--output", other, "--set", "train.network=r3d-18"],
      contains: [checkpoint, "is of r2plus1d-10, not r3d-18"])
  }
}
