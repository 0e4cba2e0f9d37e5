package import ArgumentParser
import Pipeline
import Topology

/// `sluice worker`: one more worker, from anywhere.
package struct WorkerCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "worker", abstract: "Join a live run with one more worker of a stage.",
    discussion:
      "Ends with the run. Ends with status \(Self.scaledAwayStatus) when the run was asked for fewer such workers.")

  /// Exit status of a worker that `sluice scale` or `autoscale` took away.
  package static let scaledAwayStatus: Int32 = 4

  @Argument(help: "The stage: decode, augment, batch, train or evaluate.")
  var stage: String

  @Option(help: "The coordinator's endpoint, such as tcp://a:7700.")
  var join: String

  @Option(help: "Name of this host in the run. The name of a hosts: entry on this machine uses ipc to its workers.")
  var host: String?

  @Option(help: "This host's address, for the peers on other hosts. (default: the one used towards the coordinator)")
  var address: String?

  @Option(help: "Key directory, for a run whose links are encrypted.")
  var keys: String?

  @Option(help: "What is encrypted, as in the topology: auto (tcp) or curve (within this host, too). (default: auto)")
  var security: String?

  package init() {}

  package func validate() throws {
    guard let stage = Stage(rawValue: stage), stage != .plan, stage != .average else {
      throw ValidationError("no worker of \(stage) can join: give decode, augment, batch, train or evaluate")
    }
    guard ["auto", "curve", nil].contains(security) else { throw ValidationError("--security takes auto or curve") }
    guard security == nil || keys != nil else { throw ValidationError("--security needs --keys, a key directory") }
    guard Doors(join) != nil else {
      throw ValidationError("--join \(join): give the coordinator's endpoint as tcp://HOST:PORT, the port 1 to 65533")
    }
    guard host.map(Topology.isHostName) ?? true else {
      throw ValidationError("--host \(host!): a host's name has letters, digits, - and _ only")
    }
  }

  package func run() async throws {
    let scope = keys == nil ? .none : Topology.Encryption(rawValue: security ?? "auto")!
    let isScaledAway = try await RunLauncher.joinOne(
      stage: Stage(rawValue: stage)!, join: join, host: host, address: address,
      security: SecuritySetting(scope: scope, keys: keys), executable: try Executable.path())
    if isScaledAway { throw ExitCode(Self.scaledAwayStatus) }
  }
}
