import Files
import Foundation
import Glibc
package import Topology

/// A run's directory: made once, locked by the coordinator that runs in it.
package struct RunDirectory: Sendable {
  package struct Identity: Codable, Sendable, Equatable {
    package var run: UInt64
    package var name: String
    /// Where the coordinator listens, on this host.
    package var control: String
    package var seed: UInt64
  }

  package let path: String

  package init(path: String) { self.path = path }

  package var topologyPath: String { "\(path)/topology.yaml" }
  package var ledgerPath: String { "\(path)/ledger.sqlite" }
  package var metricsPath: String { "\(path)/metrics.jsonl" }
  package var reportPath: String { "\(path)/report.json" }
  package var weightsPath: String { "\(path)/weights.safetensors" }
  /// The weights file that `path` names: itself, or that of the run whose directory it is.
  package static func weightsFile(_ path: String) -> String {
    var isDirectory: ObjCBool = false
    let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    return isThere && isDirectory.boolValue ? RunDirectory(path: path).weightsPath : path
  }

  private var identityPath: String { "\(path)/run.json" }

  package var exists: Bool { FileManager.default.fileExists(atPath: identityPath) }

  /// Makes the directory for a new run.
  /// - Throws: `.runDirectory` when something is there already.
  package func create(_ topology: Topology) throws(PipelineError) {
    try expectEmpty()
    let run = UInt64.random(in: 1...(.max))
    let identity = Identity(
      run: run, name: topology.name, control: "ipc://@sluice/\(hexadecimal(run))/control", seed: topology.seed)
    let wasThere = Directory.isThere(path)
    do throws(FileError) {
      try Directory.make(path)
    } catch {
      throw PipelineError(.runDirectory, error.description)
    }
    // Of two that start here at once one finds the other's files.
    let lock = try lock(patienceSeconds: Self.patienceSeconds)
    defer { lock.release() }
    try expectEmpty()
    do {
      try Directory.make("\(path)/checkpoints")
      try OutputFile.replace(topologyPath, with: topology.yaml().utf8)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      try OutputFile.replace(identityPath, with: encoder.encode(identity))
      Directory.synchronize(around: path)
    } catch {
      discard(keepsPlace: wasThere)
      throw PipelineError(.runDirectory, "\(error)")
    }
  }

  private func expectEmpty() throws(PipelineError) {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    guard entries.isEmpty else {
      throw PipelineError(
        .runDirectory, "\(path): exists already; give --resume to go on with it, or another --output")
    }
  }

  /// Whether a run in it has a step to show for itself.
  package var isTrained: Bool {
    FileManager.default.fileExists(atPath: metricsPath) || !Checkpoint.all(in: path).isEmpty
  }

  /// Takes away what `create` and a run that trained nothing left, so that the next try finds the place as this one did.
  /// - Parameter keepsPlace: the (empty) directory was there before.
  package func discard(keepsPlace: Bool) {
    // Best effort: the error that led here is the one to report.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in keepsPlace ? names.map({ "\(path)/\($0)" }) : [path] {
      try? FileManager.default.removeItem(atPath: name)
    }
  }

  /// Goes on with a run: worker counts and links may have changed, what influences results may not.
  package func resume(_ topology: Topology) throws(PipelineError) {
    guard exists else { throw PipelineError(.runDirectory, "\(path): no run to resume there") }
    let lock = try lock(patienceSeconds: Self.patienceSeconds)
    defer { lock.release() }
    let differences = topology.differences(from: try storedTopology())
    guard differences.isEmpty else {
      throw PipelineError(
        .settingsDiffer,
        "\(path): cannot resume, settings that influence results differ: " + differences.joined(separator: "; "))
    }
    do throws(FileError) {
      try OutputFile.replace(topologyPath, with: topology.yaml().utf8)
    } catch {
      throw PipelineError(.runDirectory, error.description)
    }
  }

  package func storedTopology() throws(PipelineError) -> Topology {
    do {
      return try Topology.load(path: topologyPath, overrides: [])
    } catch {
      throw PipelineError(.runDirectory, "\(error)")
    }
  }

  package func identity() throws(PipelineError) -> Identity {
    do {
      return try JSONDecoder().decode(Identity.self, from: Data(contentsOf: URL(fileURLWithPath: identityPath)))
    } catch {
      throw PipelineError(.runDirectory, "\(identityPath): not a run's directory (\(error.localizedDescription))")
    }
  }

  /// An exclusive lock on the directory, gone with the process.
  /// - Parameter patienceSeconds: for how long to wait for a process that has it: one whose supervisor was killed is about
  ///   to end.
  /// - Throws: `.runIsLive` when another process has it.
  package func lock(patienceSeconds: Double = 0) throws(PipelineError) -> Lock {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw PipelineError(.runDirectory, "\(path): \(String(cString: strerror(errno)))")
    }
    let deadline = Monotonic.seconds() + patienceSeconds
    var isOurs = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    while !isOurs, Monotonic.seconds() < deadline {
      usleep(50_000)
      isOurs = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }
    guard isOurs else {
      close(descriptor)
      throw PipelineError(.runIsLive, "\(path): a coordinator is running in it; stop it first")
    }
    return Lock(descriptor: descriptor)
  }

  /// What the processes of a killed supervisor need to end.
  package static let patienceSeconds = 3.0

  package final class Lock: Sendable {
    private let descriptor: Int32
    init(descriptor: Int32) { self.descriptor = descriptor }
    package func release() { flock(descriptor, LOCK_UN) }
    deinit { close(descriptor) }
  }

  /// The only live run below `root`.
  /// - Throws: `.noSuchRun` listing them when there are several or none.
  package static func onlyLive(below root: String) throws(PipelineError) -> RunDirectory {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted()
    let live = names.map { RunDirectory(path: "\(root)/\($0)") }.filter { $0.exists && $0.isLive }
    guard live.count == 1 else {
      let list = live.isEmpty ? "none" : live.map(\.path).joined(separator: ", ")
      throw PipelineError(
        .noSuchRun, "which run? live below \(root): \(list); name one with --run DIR|ENDPOINT")
    }
    return live[0]
  }

  package var isLive: Bool {
    do {
      try lock().release()
      return false
    } catch {
      return error.code == .runIsLive
    }
  }
}
