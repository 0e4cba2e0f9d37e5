import Foundation
import Testing
import Topology

/// The repository's `topology` folder.
private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("topology")

/// The example of the design.
let example = """
  name: local
  seed: 7
  corpus: data/sprites
  hosts:
    here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}
  clip: {frames: 8, stride: 1, slack: 2, resize: [128, 171], crop: 112, mirror: true}
  sampling: {labels: square-root}
  train: {network: r2plus1d-18, width: 1, replicas: 2, batch: 8, steps: 200, threads: 2, learning_rate: 0.003, local_steps: 1}
  evaluate: {every: 100, clips: 10, split: validation}
  links: {compression: lz4, format: rgb24, security: auto}
  in_flight: 2
  checkpoint: {every: 50, keep: 3}
  """

/// The mistakes of `yaml`; empty when it is valid.
func issues(_ yaml: String, overrides: [String] = []) -> [TopologyIssue] {
  do {
    _ = try Topology.parse(yaml, file: "t.yaml", overrides: overrides)
    return []
  } catch {
    return error.issues
  }
}

@Suite struct TopologyTests {
  @Test func readsTheExampleOfTheDesign() throws {
    let topology = try Topology.parse(example, file: "t.yaml", overrides: [])
    #expect(topology.name == "local")
    #expect(topology.seed == 7)
    #expect(topology.hosts.map(\.name) == ["here"])
    #expect(topology.hosts[0].port == nil)
    #expect(topology.count(.decode) == 1)
    #expect(topology.count(.plan) == 1)
    #expect(topology.clip.resize == .exact(height: 128, width: 171))
    #expect(topology.clip.windowFrames == 10)
    #expect(topology.clip.windowSpan == 10)
    #expect(topology.sampling.labels == .squareRoot)
    #expect(topology.train.learningRate == 0.003)
    #expect(topology.train.momentum == 0.9)
    #expect(topology.train.weightDecay == 1e-4)
    #expect(topology.train.steps(epochLength: 1000) == 200)
    #expect(topology.evaluate?.clips == 10)
    #expect(topology.lostAfter == 60)
    #expect(topology.transientRetries == 3)
    #expect(topology.onTransient == .stop)
    #expect(topology.maxBadFraction == 0.2)
    #expect(topology.leaseFloor == 2)
    #expect(topology.decodeLimit == 300)
  }

  @Test(arguments: ["quickstart", "local", "two-hosts", "ig65m"])
  func everyTopologyOfTheProjectIsValidAndReadsBackTheSame(name: String) throws {
    let path = folder.appendingPathComponent("\(name).yaml").path
    let topology = try Topology.load(path: path, overrides: [])
    #expect(topology.name == name)
    let again = try Topology.parse(topology.yaml(), file: "again.yaml", overrides: [])
    #expect(again == topology)
    #expect(again.yaml() == topology.yaml())
    #expect(again.differences(from: topology).isEmpty)
  }

  @Test func everyFileOfTheFolderIsTested() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
    #expect(files.sorted() == ["ig65m.yaml", "local.yaml", "quickstart.yaml", "two-hosts.yaml"])
  }

  @Test func thePapersRunIsThePapers() throws {
    let topology = try Topology.load(path: folder.appendingPathComponent("ig65m.yaml").path, overrides: [])
    #expect(topology.hosts.count == 16)
    #expect(topology.count(.train) == 128)
    #expect(topology.train.clipsPerStep == 2048)
    #expect(topology.train.schedule == .halvings(13))
    #expect(topology.train.warmUpSteps == 3125)
    #expect((topology.train.steps ?? 0) * 2048 / 1_000_000 == 490)
    #expect(topology.links.security == .none)
  }

  @Test func unusualTextsAndSchedulesReadBackTheSame() throws {
    for override in [
      "name=7", #"corpus="a: b # c \"d\" \\ é""#, "corpus=true", "subset=x/1.subset", "train.schedule=half-cosine",
      "train.schedule={steps: [50, 100], factor: 0.5}", "train.schedule.halvings=3", "clip.short_edge=128",
      "train.epochs=1.5", "train.learning_rate_per_replica=0.1", "hosts.here.memory=20 GiB", "train.warm_up.clips=99",
      "hosts.here.chain=[augment, decode]", "seed=18446744073709551615", "train.kernels=avx2", "lost_after=1.25",
      "decode_limit=7.5", "autoscale={decode: {min: 2, max: 9}, evaluate: {max: 3}}",
      "train.weights=runs/a", "hosts.here.port=7800", "train.width=0.3333333333333333",
      "train.loss=sigmoid", "train.label_smoothing=0.1", "train.clip_norm=2.5",
      "train={network: r3d-18, batch: 1, steps: 1, learning_rate: 1, weights: a, inflate: true, head: new}",
      "train.winograd=false", "train.transfer=bfloat16", "hosts.here.average=beside-train",
    ] {
      let topology = try Topology.parse(example, file: "t.yaml", overrides: [override])
      #expect(try Topology.parse(topology.yaml(), file: "again", overrides: []) == topology, "\(override)")
    }
  }

  /// A shard shares a process with each train worker, and with what that one is chained to.
  @Test func shardsBesideTrainShareItsProcesses() throws {
    func processes(_ overrides: [String]) throws -> [String] {
      let topology = try Topology.parse(example, file: "t.yaml", overrides: overrides)
      return topology.hosts[0].processes.filter { $0.count > 0 }
        .map { "\($0.stages.map(\.rawValue).joined(separator: "+")) \($0.count)" }.sorted()
    }
    let beside = ["hosts.here.train=3", "hosts.here.average=beside-train"]
    #expect(try processes(beside) == ["augment 1", "batch 1", "decode 1", "evaluate 1", "train+average 3"])
    #expect(
      try processes(beside + ["hosts.here.chain=[batch, train]"])
        == ["augment 1", "batch+train+average 3", "decode 1", "evaluate 1"])
    #expect(
      try processes(beside + ["hosts.here.chain=[decode, augment]"])
        == ["batch 1", "decode+augment 1", "evaluate 1", "train+average 3"])
    #expect(try processes([]) == ["augment 1", "average 1", "batch 1", "decode 1", "evaluate 1", "train 1"])
  }

  @Test func memoryGrowsWithTheWindowAndSharesAmongWorkers() throws {
    func decodeBytes(_ overrides: [String]) throws -> Int {
      let topology = try Topology.parse(example, file: "t.yaml", overrides: overrides)
      return try #require(topology.memoryPerWorker().first { $0.stage == .decode }).bytes
    }
    let base = try decodeBytes([])
    #expect(try decodeBytes(["in_flight=4"]) > base)
    #expect(try decodeBytes(["hosts.here.decode=2"]) < base)
    // 2 rounds of 2 replicas of 8 windows of 10 frames; and all 10 clips of an evaluated video, twice.
    #expect(base - 48 * 1_048_576 == (2 * 2 * 8 + 2 * 10) * 10 * 128 * 171 * 3)
    #expect(try Topology.parse(example, file: "", overrides: []).memoryPerWorker().map(\.stage) == Stage.allCases)
  }

  @Test func hugeButValidValuesDoNotOverflow() throws {
    let topology = try Topology.parse(
      example, file: "t.yaml",
      overrides: [
        "train.replicas=65536", "train.batch=4096", "train.local_steps=100000", "in_flight=64", "clip.frames=1024",
        "clip.slack=1024", "clip.resize=[4096, 4096]", "clip.crop=4096", "evaluate.every=100000",
        "checkpoint.every=100000",
      ])
    #expect(topology.memoryPerWorker().allSatisfy { $0.bytes > 0 })
    #expect(topology.train.steps(epochLength: 10) == 200)
  }

  @Test func threadsBeyondTheCoresAreNamed() throws {
    let topology = try Topology.parse(example, file: "t.yaml", overrides: [])
    let exceeding = topology.threadsExceedingCores { _ in 2 }
    #expect(exceeding.map(\.threads) == [8])
    #expect(topology.threadsExceedingCores { _ in 8 }.isEmpty)
  }

  @Test func drawsStagesAndHosts() throws {
    let topology = try Topology.load(path: folder.appendingPathComponent("two-hosts.yaml").path, overrides: [])
    let text = topology.drawing()
    #expect(text.contains("plan ×1 ─▶ decode ×2 ─▶ augment ×1 ─▶ batch ×2 ─▶ train ×2 ─▶ average ×1"))
    #expect(text.contains("b (127.0.0.2)  decode 1, augment 1, batch 1, train 1"))
    let dot = topology.dot()
    #expect(dot.hasPrefix("digraph \"two-hosts\" {"))
    #expect(dot.contains("decode_1 -> augment_1 [label=\"windows\"];"))
  }

  @Test func samplingReadsBackTheSame() throws {
    let old = try Topology.parse(example, file: "t.yaml", overrides: [])
    let new = try Topology.parse(
      example, file: "t.yaml",
      overrides: ["sampling.labels=repeat-factor", "sampling.threshold=0.001", "sampling.label_drawn=per-draw"])
    #expect(old.sampling.labelDrawn == .perVideo)
    #expect(new.sampling.labels == .repeatFactor(threshold: 0.001) && new.sampling.labelDrawn == .perDraw)
    #expect(try Topology.parse(new.yaml(), file: "again.yaml", overrides: []) == new)
    #expect(
      new.differences(from: old) == [
        "sampling.labels: square-root → repeat-factor", "sampling.threshold: none → 0.001",
        "sampling.label_drawn: none → per-draw",
      ])
  }

  @Test func differencesNameWhatInfluencesResultsOnly() throws {
    let old = try Topology.parse(example, file: "t.yaml", overrides: [])
    let new = try Topology.parse(
      example, file: "t.yaml",
      overrides: [
        "train.batch=16", "hosts.here.decode=3", "links.compression=none", "in_flight=3", "train.threads=1", "seed=8",
        "clip.short_edge=128", "lost_after=5", "decode_limit=9", "train.loss=sigmoid", "train.clip_norm=1",
        "train.winograd=false",
      ])
    #expect(
      new.differences(from: old) == [
        "seed: 7 → 8", "clip.short_edge: none → 128", "train.batch: 8 → 16", "train.loss: softmax → sigmoid",
        "train.clip_norm: none → 1", "train.winograd: true → false", "clip.resize: [128, 171] → none",
      ])
  }
}
