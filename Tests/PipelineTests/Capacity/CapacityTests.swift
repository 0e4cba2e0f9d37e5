import Foundation
import Testing
import Topology

import Pipeline

/// Predictions that can be checked by hand.
@Suite struct CapacityTests {
  /// One host with four replicas of 8 clips.
  private func topology(_ hosts: String, _ overrides: String...) throws -> Topology {
    let text = """
      name: test
      corpus: nowhere
      hosts:
        \(hosts)
      clip: {frames: 4, stride: 1, slack: 2, resize: [40, 50], crop: 32}
      train: {network: r2plus1d-10, width: 0.25, replicas: 4, batch: 8, steps: 10, learning_rate: 0.1}
      """
    return try Topology.parse(text, file: "test.yaml", overrides: overrides)
  }

  private let here =
    "here: {address: 127.0.0.1, coordinator: true, decode: 2, augment: 1, batch: 1, train: 1, average: 1}"

  private func costs(
    _ topology: Topology, decode: Double = 0.01, train: Double = 0.002, average: Double = 0
  ) -> StageCosts {
    func cost(_ seconds: Double) -> StageCosts.Cost { StageCosts.Cost(workerSeconds: seconds, cpuSeconds: seconds) }
    return StageCosts(
      topology: topology, cores: 2, clipsPerSecond: 1,
      stages: [
        .plan: cost(0.0001), .decode: cost(decode), .augment: cost(0.001), .batch: cost(0.001), .train: cost(train),
        .average: cost(average),
      ])
  }

  @Test func theStageWithTheLeastRateLimits() throws {
    let topology = try topology(here)
    let capacity = Capacity(topology, costs: costs(topology), machines: .init())
    #expect(capacity.bottleneck == "decode")
    #expect(abs(capacity.clipsPerSecond - 200) < 1e-6)
    #expect(abs(capacity.stepsPerSecond - 200 / 32) < 1e-6)
    #expect(abs(capacity.trainingClipsPerSecond - 500) < 1e-3)
    // 500 clips a second need 5 decode workers.
    #expect(capacity.stages.map(\.needed) == [5, 1, 1])
    #expect(capacity.stages.map(\.workers) == [2, 1, 1])
  }

  @Test func coresAreShared() throws {
    let topology = try topology(here)
    let capacity = Capacity(topology, costs: costs(topology), machines: .init(cores: 2))
    // 0.0001 + 0.01 + 0.001 + 0.001 + 0.002 CPU seconds a clip.
    #expect(capacity.bottleneck == "cores of this machine")
    #expect(abs(capacity.clipsPerSecond - 2 / 0.0141) < 1e-6)
    #expect(abs(capacity.machines[0].cores - 500 * 0.0141) < 1e-3)
  }

  /// Three workers for four replicas: one of them does two.
  @Test func aRoundWaitsForTheWorkerWithTheMostReplicas() throws {
    let topology = try topology(here, "hosts.here.train=3", "hosts.here.decode=100")
    let capacity = Capacity(topology, costs: costs(topology, train: 0.01), machines: .init())
    #expect(capacity.bottleneck == "train")
    #expect(abs(capacity.clipsPerSecond - 32 / 0.16) < 1e-3)
  }

  @Test func roundsWaitForTheAverage() throws {
    let topology = try topology(here, "hosts.here.decode=100")
    let blocks = (topology.networkParameters / Double(1 << 18)).rounded(.up)
    let capacity = Capacity(topology, costs: costs(topology, average: 0.02), machines: .init())
    // 32 clips of 2 ms, then the last replica's blocks.
    let seconds = 0.064 + blocks * 0.02
    #expect(abs(capacity.limits.first { $0.part == "train" }!.clipsPerSecond - 32 / seconds) < 1e-3)
    #expect(abs(capacity.limits.first { $0.part == "average" }!.clipsPerSecond - 32 / (4 * blocks * 0.02)) < 1e-3)
  }

  /// Windows of 6 x 40 x 50 from a to b; clips, batches and averages within b.
  @Test func linksCarryWhatGoesBetweenHosts() throws {
    let two = """
      a: {address: 10.0.0.1, coordinator: true, decode: 100}
        b: {address: 10.0.0.2, augment: 10, batch: 10, train: 4, average: 1}
      """
    let topology = try topology(two, "links.security=none")
    let measured = costs(topology)
    let free = Capacity(topology, costs: measured, machines: .init())
    let rate = free.trainingClipsPerSecond
    #expect(free.machines.map(\.name) == ["a", "b"])
    #expect(abs(free.machines[0].bytesOutPerSecond / (rate * 36_000) - 1) < 1e-9)
    #expect(free.machines[0].bytesInPerSecond == 0)
    #expect(abs(free.machines[1].bytesInPerSecond / (rate * 36_000) - 1) < 1e-9)
    let narrow = Capacity(topology, costs: measured, machines: .init(bytesPerSecond: 3.6e6))
    #expect(abs(narrow.clipsPerSecond - 100) < 1e-6)
    #expect(narrow.bottleneck == "link of a")
  }

  @Test func absurdCostsGiveNumbers() throws {
    let topology = try topology(here)
    for seconds in [1e30, .greatestFiniteMagnitude] {
      let capacity = Capacity(topology, costs: costs(topology, decode: seconds), machines: .init())
      #expect(capacity.stages[0].needed > 1_000_000)
    }
  }

  @Test func whatIsWrongWithAFileOfCostsIsNamed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-costs-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("costs.json").path
    func expect(_ text: String?, _ words: String) throws {
      if let text { try text.write(toFile: path, atomically: true, encoding: .utf8) }
      #expect { try StageCosts(path: text == nil ? folder.path : path) } throws: {
        "\($0)".contains(words) && "\($0)".contains("sluice bench stages")
      }
    }
    try expect("{}", "no key settings")
    try expect("[", "not JSON")
    try expect(nil, "directory")
    let sound = #"{"settings": {}, "threads": 1, "cores": 2, "clips_per_second": 1, "stages": {"#
    try expect(sound + #""decode": {"worker_seconds": 1}}}"#, "no key stages.decode.cpu_seconds")
    try expect(sound + #""decode": {"worker_seconds": "x", "cpu_seconds": 1}}}"#, "stages.decode.worker_seconds: ")
    let stages = StageCosts.measured.map { #""\#($0.rawValue)": {"worker_seconds": 1e30, "cpu_seconds": 1}"# }
    try expect(sound + stages.joined(separator: ",") + "}}", "costs must be 0 to 1000000000 seconds")
  }

  @Test func otherSettingsThanTheMeasuredAreNamed() throws {
    let topology = try topology(here)
    let measured = costs(topology)
    #expect(measured.differences(from: topology).isEmpty)
    let other = try self.topology(here, "train.batch=4", "hosts.here.decode=1", "train.threads=2")
    #expect(measured.differences(from: other) == ["train.batch was 8 when costs were measured, and is 4"])
    // Twice the threads, half the time.
    let capacity = Capacity(other, costs: measured, machines: .init())
    #expect(abs(capacity.trainingClipsPerSecond - 1000) < 1e-2)
  }
}
