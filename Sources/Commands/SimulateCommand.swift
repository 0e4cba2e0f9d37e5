package import ArgumentParser
internal import Foundation
internal import Pipeline
internal import Topology

/// `sluice simulate`: what a topology will do, before it is run.
package struct SimulateCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Predicts a topology's rate, its bottleneck and what it needs, from measured costs.")

  @Argument(help: "The topology file.")
  var topology: String

  @Option(help: "Costs of the stages, a file of `sluice bench stages`.")
  var costs: String

  @Option(help: "Cores of each host. (default: this machine's for hosts on loopback, no limit for others)")
  var cores: Int?

  @Option(help: "Gigabits a second of each host's link, each way. (default: no limit)")
  var gigabits: Double?

  @Option(help: "Set a value of the topology: path=value. May be repeated.")
  var set: [String] = []

  @OptionGroup var output: JSONOutput

  package init() {}

  package func validate() throws {
    guard cores ?? 1 > 0 else { throw ValidationError("--cores must be 1 or more.") }
    guard (1e-9...1e9).contains(gigabits ?? 1) else { throw ValidationError("--gigabits must be 1e-9 to 1e9.") }
  }

  package func run() async throws {
    let topology = try Topology.load(path: topology, overrides: set)
    let measured = try StageCosts(path: costs)
    for difference in measured.differences(from: topology) {
      FileHandle.standardError.write(Data("warning: \(difference)\n".utf8))
    }
    let isHere = topology.hosts.allSatisfy(\.isLoopback)
    let machines = Capacity.Machines(
      cores: cores ?? (isHere ? ProcessInfo.processInfo.activeProcessorCount : nil),
      bytesPerSecond: gigabits.map { $0 * 1e9 / 8 })
    let capacity = Capacity(topology, costs: measured, machines: machines)
    try output.print(capacity, text: Self.text(capacity, topology))
  }

  private static func text(_ capacity: Capacity, _ topology: Topology) -> String {
    func rate(_ value: Double) -> String { RunSummary.fixed(value, value < 100 ? 1 : 0) }
    var lines = [
      "\(topology.name): \(rate(capacity.clipsPerSecond)) clips/s, \(RunSummary.fixed(1 / capacity.stepsPerSecond, 2)) s a "
        + "step of \(topology.train.clipsPerStep) clips; limited by \(capacity.bottleneck)",
      "", "limits, clips/s",
    ]
    lines += capacity.limits.map { "  \($0.part.padded(to: 24))\(rate($0.clipsPerSecond).leftPadded(to: 10))" }
    lines += ["", "needed so that training never waits, at \(rate(capacity.trainingClipsPerSecond)) clips/s"]
    lines += capacity.stages.map {
      "  \($0.stage.padded(to: 24))\(String($0.needed).leftPadded(to: 10)) workers; the topology has \($0.workers)"
    }
    lines.append(
      "  " + "host".padded(to: 24) + ["cores", "Gb/s in", "Gb/s out", "memory"].map { $0.leftPadded(to: 10) }.joined())
    lines += capacity.machines.map { machine in
      "  " + machine.name.padded(to: 24)
        + [
          RunSummary.fixed(machine.cores, 1), RunSummary.fixed(machine.bytesInPerSecond * 8e-9, 2),
          RunSummary.fixed(machine.bytesOutPerSecond * 8e-9, 2), describeBytes(machine.memoryBytes),
        ].map { $0.leftPadded(to: 10) }.joined()
    }
    return lines.joined(separator: "\n")
  }
}
