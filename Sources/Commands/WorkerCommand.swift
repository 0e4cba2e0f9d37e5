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

  package init() {}

  package func validate() throws {
    guard let stage = Stage(rawValue: stage), stage != .plan, stage != .average else {
      throw ValidationError("no worker of \(stage) can join: give decode, augment, batch, train or evaluate")
    }
  }

  package func run() async throws {
    try await RunLauncher.joinOne(
      stage: Stage(rawValue: stage)!, join: join, host: host, address: address, executable: try Executable.path())
  }
}
