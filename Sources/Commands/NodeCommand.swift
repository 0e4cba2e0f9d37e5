package import ArgumentParser
import Pipeline
import Topology

/// `sluice node`: one host's stages.
package struct NodeCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Run one host's stages of a topology; joins the coordinator, or runs it.")

  @Argument(help: "The topology file.")
  var topology: String

  @Option(help: "The hosts: entry to run.")
  var host: String

  @Option(help: "Set a value of the topology: path=value. May be repeated.")
  var set: [String] = []

  @Flag(help: "Go on with the run in the output directory (on the coordinator's host).")
  var resume = false

  @Option(help: "End after so many steps in all (on the coordinator's host).")
  var stopAfter: Int?

  @Option(help: "Directory of the run. (default: runs/NAME)")
  var output: String?

  @OptionGroup var json: JSONOutput

  package init() {}

  package func validate() throws {
    guard stopAfter.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--stop-after takes a number of steps, 0 or more")
    }
  }

  package func run() async throws {
    let topology = try Topology.load(path: topology, overrides: set)
    guard let entry = topology.host(named: host) else {
      let names = topology.hosts.map(\.name).joined(separator: ", ")
      throw PipelineError(.configuration, "no host \(host) in \(self.topology); hosts: \(names)")
    }
    var launcher = RunLauncher(
      topology: topology, directory: RunDirectory(path: output ?? "runs/\(topology.name)"), hosts: [entry],
      executable: try Executable.path())
    launcher.resume = resume
    launcher.stopAfter = stopAfter
    if let report = try await launcher.run() { try json.print(report, text: RunSummary.text(report)) }
  }
}
