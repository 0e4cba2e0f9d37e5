package import ArgumentParser
import Pipeline
import Topology

/// `sluice bench stages`
package struct BenchStagesCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract:
      "Measures what a clip costs each stage, in two short runs on this machine: what `sluice simulate` counts with.",
    discussion:
      "One worker of each stage, at most two replicas; the topology's hosts do not matter. The first run hardly trains."
  )

  @Argument(help: "The topology file.")
  var topology: String

  @Option(help: "Measured steps.")
  var steps = 30

  @Option(help: "Set a value of the topology: path=value. May be repeated.")
  var set: [String] = []

  @Option(help: "File to write the costs to.")
  var costs: String?

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard (2...100_000).contains(steps) else { throw ValidationError("--steps must be 2 to 100000.") }
  }

  package func run() async throws {
    let topology = try Topology.load(path: topology, overrides: set)
    let measured = try await StagesBenchmark(
      topology: topology, steps: steps, executable: try Executable.path()
    ).run()
    if let costs { try measured.write(to: costs) }
    try output.print(measured, text: Self.text(measured))
  }

  private static func text(_ costs: StageCosts) -> String {
    func milliseconds(_ seconds: Double) -> String { RunSummary.fixed(1000 * seconds, 3).leftPadded(to: 12) }
    let lines = StageCosts.measured.compactMap { stage in
      costs.stages[stage.rawValue].map {
        "\(stage.rawValue.padded(to: 10))\(milliseconds($0.workerSeconds))\(milliseconds($0.cpuSeconds))"
      }
    }
    return
      (["ms a clip".padded(to: 10) + "worker".leftPadded(to: 12) + "CPU".leftPadded(to: 12)] + lines + [
        "average: of a block of one contribution; the run did \(RunSummary.fixed(costs.clipsPerSecond, 1)) clips/s "
          + "on \(costs.cores) cores"
      ]).joined(separator: "\n")
  }
}
