import Foundation
import Glibc
import Testing

/// A run on four hosts, each with a network, mounts and keys of its own: a decodes, b decodes and augments, c trains and
/// batches, d coordinates and averages. They share the corpus and the run's directory, which is a small disk.
final class FourHosts {
  static let workers = [
    "a": ["decode"], "b": ["decode", "augment"], "c": ["train", "batch", "evaluate"], "d": ["average"],
  ]
  static let coordinator = "d"
  private static let hosts = """
    a: {address: 10.77.0.1, decode: 2}
    b: {address: 10.77.0.2, decode: 1, augment: 1}
    c: {address: 10.77.0.3, batch: 2, train: 2, evaluate: 1}
    d: {address: 10.77.0.4, coordinator: true, port: 7700, average: 2}
    """

  let disk: SmallDisk
  let output: String
  private let faults: String
  private let file: String
  private var places: [String: String] = [:]
  private(set) var nodes: [String: Sluice.Live] = [:]
  /// Those that were killed, too.
  private(set) var everyNode: [(host: String, node: Sluice.Live)] = []

  /// - Parameters:
  ///   - topology: its hosts are replaced by the four.
  ///   - faults: fault points of every process.
  init(_ topology: SmallTopology, faults: String) throws {
    self.faults = faults
    // First of all: it removes what an earlier one left, disks too.
    try Self.shell("up", Self.workers.keys.sorted())
    disk = try SmallDisk(megabytes: 48)
    output = "\(disk.path)/run"
    let keys = try Keys()
    for name in Self.workers.keys.sorted() { try keys.make(["--role", "worker", "--name", name]) }
    var topology = topology
    topology.hosts = Self.hosts
    topology.links = "{compression: lz4, security: curve, keys: \(keys.path)}"
    file = try topology.write()
    for name in Self.workers.keys.sorted() { places[name] = try place(name, keys) }
  }

  /// A host's own directory: the topology, and the keys it is to have.
  private func place(_ name: String, _ keys: Keys) throws -> String {
    let path = Workspace.shared.scratch().path
    let files = FileManager.default
    try files.copyItem(atPath: file, toPath: "\(path)/topology.yaml")
    try files.copyItem(atPath: keys.path, toPath: "\(path)/keys")
    let own = ["worker/\(name)"] + (name == Self.coordinator ? ["coordinator/coordinator"] : [])
    let all = try #require(files.enumerator(atPath: "\(path)/keys")).compactMap { $0 as? String }
    for secret in all where secret.hasSuffix(".key_secret") && !own.contains("\(secret.dropLast(11))") {
      try files.removeItem(atPath: "\(path)/keys/\(secret)")
    }
    return path
  }

  /// Starts the node of a host; of the coordinator's, the run or what goes on with it.
  func start(_ name: String, resumes: Bool = false) throws {
    let place = places[name]!
    var arguments = ["node", "\(place)/topology.yaml", "--host", name, "--set", "links.keys=\(place)/keys"]
    if name == Self.coordinator { arguments += ["--output", output, "--json"] + (resumes ? ["--resume"] : []) }
    let root = Workspace.shared.root.path
    let shared = [place, disk.path, try SmallCorpus.shared.get().directory].map { String($0.dropFirst(root.count + 1)) }
    let node = try Sluice.Live(
      arguments, faults: faults, launcher: [Self.script, "run", name, root] + shared + ["--"])
    nodes[name] = node
    everyNode.append((name, node))
  }

  /// Processes of a host whose command line has these words one after the other, oldest first.
  func processes(_ name: String, _ words: [String]) throws -> [Int32] {
    let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.sorted()
    return all.filter { id in
      let line = (try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)) ?? ""
      return line.contains(places[name]! + "/keys\0")
        && line.contains((["", "stage", "--stages"] + words).joined(separator: "\0") + "\0")
    }
  }

  func coordinatorProcess() throws -> [Int32] {
    let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }
    return all.filter { id in
      let line = (try? String(contentsOfFile: "/proc/\(id)/cmdline", encoding: .utf8)) ?? ""
      return line.contains("\0coordinator\0--directory\0\(output)\0")
    }
  }

  func step() -> Int { RunHandle.step(of: output) }

  func link(_ name: String, _ state: String) throws { try Self.shell("link", [name, state]) }
  func loss(_ name: String, percent: Int) throws { try Self.shell("loss", [name, "\(percent)"]) }
  func delay(_ name: String, milliseconds: Int) throws { try Self.shell("delay", [name, "\(milliseconds)"]) }

  func remove() {
    try? Self.shell("down", [])
    disk.remove()
  }

  private static let script =
    DocumentationTests.repository.appendingPathComponent("Tests/ProcessTests/hosts.sh").path

  private static func shell(_ command: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: script)
    process.arguments = [command] + arguments
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "hosts.sh \(command) \(arguments)")
  }

  /// Why it cannot be tried here; nil if it can.
  static let obstacle: String? = {
    if geteuid() != 0 { return "needs root" }
    let tools = ["/usr/sbin/ip", "/usr/sbin/tc", "/usr/sbin/nft", "/usr/sbin/ethtool", "/usr/bin/unshare"]
    let missing = tools.filter { !FileManager.default.isExecutableFile(atPath: $0) }
    return missing.isEmpty ? nil : "needs \(missing.joined(separator: ", "))"
  }()
}
