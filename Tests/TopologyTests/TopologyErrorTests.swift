import Testing
import Topology

@Suite struct TopologyErrorTests {
  @Test func fiveMistakesAreFiveErrorsWithTheirLines() {
    let yaml = """
      name: local
      seed: seven
      corpus: data/sprites
      hosts:
        here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}
      clip:
        frames: 8
        resize: [64, 86]
        crop: 112
      train:
        network: resnet-50
        replicas: 0
        batch: 8
        steps: 10
        learning_rat: 0.1
        learning_rate: 0.1
      """
    let found = issues(yaml)
    #expect(found.map(\.line) == [2, 9, 11, 12, 15])
    #expect(
      found.map(\.path) == ["seed", "clip.crop", "train.network", "train.replicas", "train.learning_rat"])
    #expect(found.last?.message.contains("did you mean `learning_rate`?") == true)
    let error = TopologyError(file: "t.yaml", issues: found)
    #expect(error.description.split(separator: "\n").count == 5)
    #expect(error.description.contains("t.yaml:9: clip.crop: 112 does not fit"))
  }

  @Test func workersBesideShardsCannotBeScaledAway() {
    let yaml = """
      name: local
      seed: 7
      corpus: data/sprites
      hosts:
        here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 3, average: beside-train}
      clip: {frames: 8, resize: [64, 86], crop: 56}
      train: {network: r2plus1d-18, batch: 8, steps: 10, learning_rate: 0.1}
      autoscale: {train: {min: 2, max: 6}, average: {max: 2}, decode: {min: 3, max: 2}, tap: {max: 2}}
      """
    let found = issues(yaml)
    #expect(found.allSatisfy { $0.line == 8 })
    let texts = found.map { "\($0.path): \($0.message)" }.joined(separator: "\n")
    for text in [
      "autoscale.train: min is 2, but 3 share their process with an average shard",
      "autoscale.average: average shards are fixed", "autoscale.decode.max: 2 is less than min (3)", "autoscale.tap:",
    ] {
      #expect(texts.contains(text), "\(text) in \(texts)")
    }
    #expect(texts.contains("known here: decode, augment, batch, train, evaluate"), "no average: \(texts)")
  }

  @Test(arguments: [
    ("batch: 8", "batch: eight", "train.batch", "expected a whole number"),
    ("batch: 8", "batch: \"8\"", "train.batch", "expected a whole number"),
    ("batch: 8", "batch: 4097", "train.batch", "out of range"),
    ("threads: 2", "threads: 257", "train.threads", "out of range"),
    ("width: 1", "width: 4.5", "train.width", "out of range"),
    ("batch: 8", "batch: [8]", "train.batch", "expected a whole number"),
    ("batch: 8", "batch: 99999999999999999999", "train.batch", "expected a whole number"),
    ("batch: 8, ", "", "train.batch", "missing"),
    ("batch: 8", "batch: 8, loss: hinge", "train.loss", "expected softmax or sigmoid"),
    ("batch: 8", "batch: 8, label_smoothing: 1", "train.label_smoothing", "out of range"),
    ("batch: 8", "batch: 8, loss: sigmoid, label_smoothing: 0.1", "train.label_smoothing", "`loss: softmax` only"),
    ("batch: 8", "batch: 8, transfer: float16", "train.transfer", "expected float32 or bfloat16"),
    ("batch: 8", "batch: 8, clip_norm: 0", "train.clip_norm", "out of range"),
    ("batch: 8", "batch: 8, inflate: true", "train.inflate", "as `weights`"),
    ("batch: 8", "batch: ", "train.batch", "has no value"),
    ("learning_rate: 0.003", "learning_rate: .nan", "train.learning_rate", "expected a number"),
    ("learning_rate: 0.003", "learning_rate: -1", "train.learning_rate", "out of range"),
    ("learning_rate: 0.003, ", "", "train.learning_rate", "missing"),
    ("steps: 200", "steps: 200, epochs: 3", "train.epochs", "not both"),
    ("steps: 200, ", "", "train.steps", "missing"),
    ("every: 100", "every: 0", "evaluate.every", "out of range"),
    ("split: validation", "split: dev", "evaluate.split", "expected train, validation or test"),
    ("coordinator: true, ", "", "hosts", "exactly one host"),
    ("average: 1", "average: 0", "hosts", "no host has a worker of the stage average"),
    ("train: 1, average: 1", "average: beside-train", "hosts.here.average", "no train worker to be beside"),
    ("average: 1", "average: beside", "hosts.here.average", "expected a whole number"),
    ("evaluate: 1", "chain: [decode, transcode]", "hosts.here.chain", "unknown stage `transcode`"),
    ("evaluate: 1", "chain: [decode, evaluate]", "hosts.here.chain", "has no evaluate worker"),
    ("evaluate: 1}", "evaluate: 1, evaluat: 2}", "hosts.here.evaluat", "did you mean `evaluate`?"),
    ("address: 127.0.0.1, ", "", "hosts.here.address", "missing"),
    ("here:", "he.re:", "hosts.he.re", "letters, digits"),
    ("mirror: true", "mirror: maybe", "clip.mirror", "expected true or false"),
    ("resize: [128, 171]", "resize: [128]", "clip.resize", "expected [height, width]"),
    ("resize: [128, 171]", "resize: 128x171", "clip.resize", "expected a list"),
    ("resize: [128, 171]", "resize: [128, 171], short_edge: 128", "clip.short_edge", "not both"),
    ("resize: [128, 171], ", "", "clip.resize", "missing"),
    ("format: rgb24", "format: nv12", "links.format", "expected rgb24 or yuv420p"),
    ("security: auto", "security: curve", "links.keys", "sluice keys make DIR"),
    ("security: auto", "security: tls", "links.security", "expected auto or none or curve"),
    ("compression: lz4", "compression: zip", "links.compression", "expected lz4 or none"),
    ("labels: square-root", "labels: cubic", "sampling.labels", "expected natural or square-root or repeat-factor"),
    ("labels: square-root", "labels: repeat-factor", "sampling.threshold", "missing"),
    ("labels: square-root", "labels: repeat-factor, threshold: 0", "sampling.threshold", "out of range"),
    (
      "labels: square-root", "labels: square-root, threshold: 0.1", "sampling.threshold", "`labels: repeat-factor` only"
    ),
    ("labels: square-root", "label_drawn: once", "sampling.label_drawn", "expected per-video or per-draw"),
    ("name: local", "name: ../x", "name", "cannot contain /"),
    ("evaluate: 1", "evaluate: 1, memory: 1 MiB", "hosts.here.memory", "its workers need"),
    ("evaluate: 1", "memory: lots", "hosts.here.memory", "expected bytes"),
    ("in_flight: 2", "in_flght: 2", "in_flght", "did you mean `in_flight`?"),
    ("in_flight: 2", "? [a, b] : 2", "", "a key must be a plain word"),
  ])
  func oneMistakeIsNamed(old: String, new: String, path: String, message: String) {
    let yaml = example.replacing(old, with: new, maxReplacements: 1)
    #expect(yaml != example)
    let found = issues(yaml)
    let match = found.first { $0.path == path && $0.message.contains(message) }
    #expect(match != nil, "\(found)")
    #expect(match?.line != nil)
  }

  @Test func duplicateHostsAndKeysAreReportedWithTheOthers() {
    let yaml = """
      name: twice
      corpus: c
      corpus: d
      hosts:
        a: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}
        b: {address: 127.0.0.2}
        a: {address: 127.0.0.3}
      clip: {frames: 8, short_edge: 64, crop: 56}
      train: {network: r2plus1d-10, batch: 0, steps: 1, learning_rate: 1}
      """
    let found = issues(yaml)
    #expect(found.map(\.path) == ["corpus", "hosts.a", "train.batch"])
    #expect(found.map(\.line) == [3, 7, 9])
    #expect(found[1].message == "given twice, first on line 5")
  }

  @Test func twoCoordinatorsOrAPortElsewhereAreErrors() {
    let yaml = example.replacing(
      "clip: {", with: "  there: {address: 127.0.0.2, coordinator: true}\nclip: {", maxReplacements: 1)
    #expect(issues(yaml).map(\.message).contains { $0.contains("here and there have it") })
    let port = example.replacing(
      "clip: {", with: "  there: {address: 127.0.0.2, port: 1}\nclip: {", maxReplacements: 1)
    #expect(issues(port).map(\.path) == ["hosts.there.port"])
  }

  @Test func tcpBeyondLoopbackNeedsSecurityWrittenOut() throws {
    let yaml = example.replacing("clip: {", with: "  there: {address: 10.0.0.2}\nclip: {", maxReplacements: 1)
    let found = issues(yaml)
    #expect(found.map(\.path) == ["links.security"])
    #expect(found.first?.message.contains("security: none") == true)
    #expect(found.first?.message.contains("keys: DIR") == true)
    let topology = try Topology.parse(yaml, file: "t", overrides: ["links.security=none"])
    #expect(topology.coordinator.port == 7700 && topology.encryption == .none)
    let keys = ["links.keys=k"]
    #expect(try Topology.parse(yaml, file: "t", overrides: keys).encryption == .betweenHosts)
    #expect(try Topology.parse(example, file: "t", overrides: keys).encryption == .none)
    let curve = try Topology.parse(example, file: "t", overrides: keys + ["links.security=curve"])
    #expect(curve.encryption == .everywhere)
    #expect(try Topology.parse(curve.yaml(), file: "t", overrides: []) == curve)
  }

  @Test func planesNeedAnEvenCrop() throws {
    let yaml = example.replacing("format: rgb24", with: "format: yuv420p", maxReplacements: 1)
    let planes = try Topology.parse(yaml, file: "t", overrides: [])
    #expect(planes.links.format == .yuv420p)
    #expect(try Topology.parse(planes.yaml(), file: "t", overrides: []) == planes)
    let found = issues(yaml.replacing("crop: 112", with: "crop: 111"))
    #expect(found.map(\.path) == ["clip.crop"])
    #expect(found.first?.line == issues(yaml.replacing("crop: 112", with: "crop: 4097")).first?.line)
    #expect(found.first?.message == "111 is odd; `links.format: yuv420p` needs an even one")
    // Windows and clips take half the memory; what is trained on is the same.
    let pixels = try Topology.parse(example, file: "t", overrides: [])
    for (less, more) in zip(planes.memoryPerWorker(), pixels.memoryPerWorker()) {
      let isHalf = [.decode, .augment, .batch].contains(less.stage)
      let process = 48 << 20
      if isHalf { #expect((more.bytes - process) == 2 * (less.bytes - process), "\(less.stage)") }
      #expect(less.bytes <= more.bytes)
    }
  }

  @Test func overridesApplyAndTheirErrorsNameThem() throws {
    let topology = try Topology.parse(
      example, file: "t.yaml",
      overrides: ["train.steps=20", "hosts.here.decode=3", "train.warm_up.steps=5", "clip.short_edge=120"])
    #expect(topology.train.steps == 20)
    #expect(topology.count(.decode) == 3)
    #expect(topology.train.warmUp == .steps(5))
    #expect(topology.clip.resize == .shortEdge(120...120))

    let found = issues(
      example, overrides: ["train.steps=many", "nothing", "=3", "train..x=1", "name.x.y=1", "train.setps=3", "seed=[1"])
    #expect(found.count == 7)
    #expect(found.allSatisfy { $0.message.contains("--set") && $0.line == nil })
    #expect(found.contains { $0.path == "train.steps" && $0.message.contains("--set train.steps=many") })
    #expect(found.contains { $0.path == "train.setps" && $0.message.contains("did you mean `steps`?") })
  }

  @Test func howClipsAreDrawnIsChecked() throws {
    let overrides = [
      "clip.short_edge=[112, 144]", "clip.fps=12.5", "clip.echo=2", "clip.directional=[left, swiping right]",
    ]
    let clip = try Topology.parse(example, file: "t", overrides: overrides).clip
    #expect(clip.resize == .shortEdge(112...144) && clip.framesPerSecond == 12.5 && clip.echo == 2)
    #expect(clip.directional == ["left", "swiping right"])
    let mistakes = [
      "clip.short_edge=[144, 112]": "[least, most]", "clip.short_edge=[112, 128, 144]": "[least, most]",
      "clip.short_edge=[100, 144]": "does not fit", "clip.fps=0": "out of range", "clip.echo=3": "batch of 8",
      "clip.directional=left": "list of texts", "clip.directional=[[left]]": "list of texts",
    ]
    for (mistake, part) in mistakes {
      let found = issues(example, overrides: [mistake])
      #expect(found.count == 1 && found[0].message.contains(part), "\(mistake): \(found)")
    }
  }

  @Test(arguments: ["", "- a", "just text", "a: [", "a: b: c", "\u{1}", "a: *nothing", "a: &x [*x]"])
  func whatIsNotATopologyIsAnError(yaml: String) {
    #expect(!issues(yaml).isEmpty)
  }

  @Test func aMissingFileIsAnError() {
    #expect(throws: TopologyError.self) { try Topology.load(path: "/nonexistent/t.yaml", overrides: []) }
  }
}
