package import ArgumentParser
internal import Corpus
internal import Files
internal import Foundation
internal import Pipeline
internal import Topology

/// `sluice check`: validates a topology and draws it.
package struct CheckCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validates a topology, draws it and shows the memory it needs.")

  @Argument(help: "Topology file.")
  var topology: String

  @Flag(help: "Print a Graphviz graph.")
  var dot = false

  @Flag(help: "Print a line a host: its name and address, and where the coordinator listens, with tabs between.")
  var hosts = false

  @Option(help: ArgumentHelp("Replace one setting.", valueName: "path=value"))
  var set: [String] = []

  @OptionGroup var output: JSONOutput

  package init() {}

  package func run() async throws {
    let topology = try Topology.load(path: topology, overrides: set)
    if dot {
      print(topology.dot())
      return
    }
    if hosts {
      for host in topology.hosts {
        print(host.name, host.address, host.coordinator ? topology.coordinatorEndpoint ?? "" : "", separator: "\t")
      }
      return
    }
    let found = warnings(topology)
    for warning in found { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
    let workers = topology.memoryPerWorker().filter { topology.count($0.stage) > 0 }
    let report = Report(
      name: topology.name, clipsPerStep: topology.train.clipsPerStep,
      workers: Dictionary(uniqueKeysWithValues: workers.map { ($0.stage.rawValue, topology.count($0.stage)) }),
      memoryPerWorker: Dictionary(uniqueKeysWithValues: workers.map { ($0.stage.rawValue, $0.bytes) }),
      warnings: found)
    try output.print(report, text: describe(topology))
  }

  private struct Report: Encodable {
    let name: String
    let clipsPerStep: Int
    let workers: [String: Int]
    /// Bytes.
    let memoryPerWorker: [String: Int]
    let warnings: [String]

    enum CodingKeys: String, CodingKey {
      case name, workers, warnings
      case clipsPerStep = "clips_per_step"
      case memoryPerWorker = "memory_per_worker"
    }
  }

  private func describe(_ topology: Topology) -> String {
    var lines = [
      "\(topology.name): valid", "", topology.drawing(), "", size(topology), "", "memory per worker, at most",
    ]
    for (stage, bytes) in topology.memoryPerWorker() where topology.count(stage) > 0 {
      let name = stage.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0)
      lines.append("  \(name)\(describeBytes(Double(bytes)))")
    }
    return lines.joined(separator: "\n")
  }

  private func size(_ topology: Topology) -> String {
    let train = topology.train
    let steps = train.localSteps > 1 ? " \(train.localSteps) times" : ""
    return "a step trains on \(train.clipsPerStep) clips: \(train.replicas) replicas of\(steps) \(train.batch)"
  }

  /// Only this machine is known: its cores, by which its hosts are judged, all loopback ones together; and its files. A
  /// topology is valid also where its corpus and weights are not.
  private func warnings(_ topology: Topology) -> [String] {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    return missingFiles(topology)
      + topology.threadsExceedingCores { $0.isLoopback ? cores : nil }.map {
        "\($0.host) has \($0.threads) threads of work on \($0.cores) cores"
      }
  }

  /// What a run on this machine would miss.
  private func missingFiles(_ topology: Topology) -> [String] {
    var missing: [String] = []
    do {
      try Corpus(directory: topology.corpus, subset: topology.subset).requireProbed()
    } catch {
      missing.append("\(error.code == .subset ? "subset" : "corpus"): \(error)")
    }
    if topology.encryption != .none, let keys = topology.links.keys, !Directory.isThere(keys) {
      missing.append("links.keys: \(keys): no such directory; `sluice keys make` makes it")
    }
    if let weights = topology.train.weights, !InitialModel.isThere(weights) {
      missing.append("train.weights: \(weights): no weights file, run or checkpoint there")
    }
    return missing
  }
}
