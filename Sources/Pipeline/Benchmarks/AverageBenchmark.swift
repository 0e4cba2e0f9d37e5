import Foundation
import Wire

/// Rounds of the average stage by themselves: `bench average`. N train workers contribute to shards and get the next
/// parameters, in processes of their own and over the sockets of a run, without training. A worker contributes as soon as
/// it has the whole of a version.
package struct AverageBenchmark: Sendable {
  package var workers: Int
  package var shards: Int
  package var elements: Int
  package var rounds: Int
  /// Shards live in the workers' processes.
  package var isBesideTrain: Bool
  /// Every process counts as a host of its own: blocks go over tcp.
  package var isOverTCP: Bool
  /// What the workers train; nil for no training.
  package var network: BenchmarkNetwork?
  package var executable: String

  package init(
    workers: Int, shards: Int, elements: Int, rounds: Int, isBesideTrain: Bool, isOverTCP: Bool = false,
    network: BenchmarkNetwork? = nil, executable: String
  ) {
    self.isOverTCP = isOverTCP
    self.network = network
    self.workers = workers
    self.shards = shards
    self.elements = elements
    self.rounds = rounds
    self.isBesideTrain = isBesideTrain
    self.executable = executable
  }

  /// The keys of `bench average --json`.
  package struct Result: Encodable, Sendable {
    package let workers: Int
    package let shards: Int
    package let elements: Int
    package let rounds: Int
    /// Median, from all workers having a version to all having the next.
    package let secondsPerRound: Double
    /// 4 · elements / seconds.
    package let gigabytesPerSecond: Double
    /// Where workers train: medians of a step with averaging and without, and what averaging adds as a share of it.
    package let secondsPerStep: Double?
    package let secondsPerStepAlone: Double?
    package let cost: Double?

    enum CodingKeys: String, CodingKey {
      case workers, shards, elements, rounds, cost
      case secondsPerStep = "seconds_per_step"
      case secondsPerStepAlone = "seconds_per_step_alone"
      case secondsPerRound = "seconds_per_round"
      case gigabytesPerSecond = "gigabytes_per_second"
    }
  }

  /// Rounds before the measured ones: memory is mapped in them.
  static let warmUpRounds = 2

  /// - Throws: `.worker` when a process ends early, or workers end with different parameters.
  package func run() async throws -> Result {
    let control = "ipc://@sluice/bench-\(UInt64.random(in: .min ... .max))"
    let referee = try AverageReferee(
      control: control, workers: workers, shards: shards, lastVersion: rounds + Self.warmUpRounds,
      topology: topology)
    await referee.start()
    let lifeline = Lifeline()
    let children = try processes.map { roles, ordinal in
      try ChildProcess(
        executable: executable,
        arguments: [
          "bench-average-part", "--roles", roles, "--ordinal", String(ordinal), "--join", control, "--elements",
          String(elements), "--last-version", String(rounds + Self.warmUpRounds),
        ] + (isOverTCP ? ["--over-tcp"] : [])
          + (try network.map { ["--network", String(decoding: try JSONEncoder().encode($0), as: UTF8.self)] } ?? []),
        lifeline: lifeline
      ) { exit in
        Task { await referee.ended(exit) }
      }
    }
    defer { for child in children { child.send(signal: SIGKILL) } }
    let outcome = try await referee.result()
    let times = outcome.times.dropFirst(Self.warmUpRounds)
    let seconds = Self.median(zip(times.dropFirst(), times).map { $0 - $1 })
    let steps = outcome.steps.dropFirst(Self.warmUpRounds * workers)
    let averaged = steps.isEmpty ? nil : Self.median(steps.map(\.averaged))
    let alone = steps.isEmpty ? nil : Self.median(steps.map(\.alone))
    return Result(
      workers: workers, shards: shards, elements: elements, rounds: rounds, secondsPerRound: seconds,
      gigabytesPerSecond: Double(4 * elements) / seconds / 1e9, secondsPerStep: averaged, secondsPerStepAlone: alone,
      cost: averaged.map { $0 / alone! - 1 })
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// The stages of each process, and its number.
  private var processes: [(roles: String, ordinal: Int)] {
    if isBesideTrain {
      return (0..<max(workers, shards)).map { ordinal in
        (
          [ordinal < workers ? "train" : nil, ordinal < shards ? "average" : nil].compactMap(\.self)
            .joined(separator: ","), ordinal
        )
      }
    }
    return (0..<shards).map { ("average", $0) } + (0..<workers).map { ("train", $0) }
  }

  /// What the stages need to know of a run.
  private var topology: String {
    """
    name: bench
    seed: 1
    corpus: none
    hosts: {bench: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: \(workers), average: \(shards)}}
    clip: {frames: 8, resize: [128, 171], crop: 112}
    train: {network: r2plus1d-18, replicas: \(workers), batch: 1, steps: \(rounds + Self.warmUpRounds), learning_rate: 0.001}
    """
  }
}

let benchmarkStamp = RunStamp(run: 1, incarnation: 1)
