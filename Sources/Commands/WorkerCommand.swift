package import ArgumentParser
import Pipeline
import Topology

/// `sluice worker`: one more worker, from anywhere.
package struct WorkerCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Join a live run with one more worker of a stage.")

  @Argument(help: "The stage: decode, augment, batch, train or evaluate.")
  var stage: String

  @Option(help: "The coordinator's endpoint, such as tcp://a:7700.")
  var join: String

  @Option(help: "Name of this host in the run. The name of a hosts: entry on this machine uses ipc to its workers.")
  var host: String?

  @Option(help: "This host's address, for the peers on other hosts.")
  var address: String = "127.0.0.1"

  @Option(help: "Key directory, for a run whose links are encrypted.")
  var keys: String?

  @Option(help: "What is encrypted, as in the topology: auto (tcp) or curve (within this host, too).")
  var security = "auto"

  package init() {}

  package func validate() throws {
    guard let stage = Stage(rawValue: stage), stage != .plan, stage != .average else {
      throw ValidationError("no worker of \(stage) can join: give decode, augment, batch, train or evaluate")
    }
    guard ["auto", "curve"].contains(security) else { throw ValidationError("--security takes auto or curve") }
  }

  package func run() async throws {
    let scope = keys == nil ? .none : Topology.Encryption(rawValue: security)!
    try await RunLauncher.joinOne(
      stage: Stage(rawValue: stage)!, join: join, host: host, address: address,
      security: SecuritySetting(scope: scope, keys: keys), executable: try Executable.path())
  }
}
