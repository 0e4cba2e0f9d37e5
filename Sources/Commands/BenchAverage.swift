package import ArgumentParser
import Foundation
import Pipeline
import Topology

/// `sluice bench average`
package struct BenchAverageCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "average",
    abstract: "Measures averaging by itself: train workers' contributions to shards and the next parameters back.")

  @Option(help: "Train workers, a process each.")
  var workers = 2

  @Option(help: "Elements of the flat vector.")
  var elements = 31_500_000

  @Flag(help: "Shards live in the workers' processes.")
  var besideTrain = false

  @Flag(name: .customLong("over-tcp"), help: "Every process counts as a host of its own: blocks go over tcp loopback.")
  var overTCP = false

  @Option(help: "Average shards; as many as workers without it.")
  var shards: Int?

  @Option(help: "Measured rounds.")
  var rounds = 10

  @Flag(
    help: "Workers train on noise, and what averaging adds to a step is measured; --elements follows from the network.")
  var train = false

  @Option(help: "With --train: the network.")
  var network = "r2plus1d-18"

  @Option(help: "With --train: clips of a worker's batch, of 112x112 pixels.")
  var batch = 16

  @Option(help: "With --train: frames of a clip.")
  var frames = 8

  @Option(help: "With --train: threads of a worker.")
  var threads = 2

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard (1...256).contains(workers) else { throw ValidationError("--workers must be 1 to 256.") }
    guard (1...256).contains(shards ?? workers) else { throw ValidationError("--shards must be 1 to 256.") }
    guard (1...1_000_000_000).contains(elements) else { throw ValidationError("--elements must be 1 to 1000000000.") }
    guard (1...100_000).contains(rounds) else { throw ValidationError("--rounds must be 1 to 100000.") }
    if besideTrain, let shards, shards > workers {
      throw ValidationError("--shards \(shards): beside \(workers) train workers there is room for \(workers).")
    }
  }

  package func run() async throws {
    let trained = train ? BenchmarkNetwork(name: network, batch: batch, frames: frames, threads: threads) : nil
    let benchmark = AverageBenchmark(
      workers: workers, shards: shards ?? workers, elements: try trained?.elements() ?? elements, rounds: rounds,
      isBesideTrain: besideTrain, isOverTCP: overTCP, network: trained, executable: try Executable.path())
    let result = try await benchmark.run()
    func text(_ value: Double) -> String { String((value * 1000).rounded() / 1000) }
    let steps = result.cost.map {
      "; a step of \(network) \(text(result.secondsPerStep!)) s, alone \(text(result.secondsPerStepAlone!)) s: "
        + "averaging adds \(text($0 * 100)) %"
    }
    try output.print(
      result,
      text: "\(text(result.secondsPerRound)) s a round, \(text(result.gigabytesPerSecond)) GB/s of parameters: "
        + "\(workers) workers, \(result.shards) shards \(besideTrain ? "beside them" : "apart"), "
        + "\(result.elements) elements\(steps ?? "")")
  }
}

/// One process of `bench average`. Ends with its supervisor.
package struct BenchAveragePartCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "bench-average-part", abstract: "A process of bench average.", shouldDisplay: false)

  @Option var roles: String
  @Option var ordinal: Int
  @Option var join: String
  @Option var elements: Int
  @Option var lastVersion: Int
  @Option var network: String?
  @Flag(name: .customLong("over-tcp")) var overTCP = false

  package init() {}

  package func run() async throws {
    Signals.exitWhenLifelineCloses()
    try await AverageBenchmarkProcess(
      stages: roles.split(separator: ",").compactMap { Stage(rawValue: String($0)) }, join: join, ordinal: ordinal,
      elements: elements, lastVersion: lastVersion,
      network: try network.map { try JSONDecoder().decode(BenchmarkNetwork.self, from: Data($0.utf8)) },
      isOverTCP: overTCP
    ).run()
  }
}
