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

  @Option(help: "Average shards; as many as workers without it.")
  var shards: Int?

  @Option(help: "Measured rounds.")
  var rounds = 10

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
    let benchmark = AverageBenchmark(
      workers: workers, shards: shards ?? workers, elements: elements, rounds: rounds, isBesideTrain: besideTrain,
      executable: try Executable.path())
    let result = try await benchmark.run()
    func text(_ value: Double) -> String { String((value * 1000).rounded() / 1000) }
    try output.print(
      result,
      text: "\(text(result.secondsPerRound)) s a round, \(text(result.gigabytesPerSecond)) GB/s of parameters: "
        + "\(workers) workers, \(result.shards) shards \(besideTrain ? "beside them" : "apart"), \(elements) elements")
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

  package init() {}

  package func run() async throws {
    Signals.exitWhenLifelineCloses()
    try await AverageBenchmarkProcess(
      stages: roles.split(separator: ",").compactMap { Stage(rawValue: String($0)) }, join: join, ordinal: ordinal,
      elements: elements, lastVersion: lastVersion
    ).run()
  }
}
