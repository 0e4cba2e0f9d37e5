import Foundation
import Testing

/// A temporary directory for all tests of this process, with one small corpus; removed at the end.
final class Workspace: Sendable {
  static let shared = Workspace()

  let root: URL
  private let count = Counter()

  private init() {
    root = FileManager.default.temporaryDirectory.appendingPathComponent(
      "sluice-tests-\(ProcessInfo.processInfo.processIdentifier)")
    // A machine without a temporary directory cannot run these tests at all.
    Self.make(root)
    atexit { try? FileManager.default.removeItem(at: Workspace.shared.root) }
  }

  /// A fresh directory.
  func scratch() -> URL {
    let url = root.appendingPathComponent("scratch-\(count.next())")
    Self.make(url)
    return url
  }

  private static func make(_ url: URL) {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      fatalError("\(url.path): \(error)")
    }
  }

  private final class Counter: @unchecked Sendable {
    // Sendable: guarded by the lock.
    private let lock = NSLock()
    private var value = 0
    func next() -> Int {
      lock.withLock {
        value += 1
        return value
      }
    }
  }
}

/// A small synthetic corpus, made once.
struct SmallCorpus {
  let directory: String

  static let shared: Result<SmallCorpus, any Error> = Result { try SmallCorpus(videos: 60, name: "corpus") }

  init(videos: Int, name: String) throws {
    directory = Workspace.shared.root.appendingPathComponent(name).path
    let made = try Sluice.run([
      "synthesize", directory, "--videos", "\(videos)", "--labels", "4", "--seconds", "2", "--validation-per-label",
      "3", "--seed", "3",
    ])
    try #require(made.status == 0, "\(made.stderr)")
    let built = try Sluice.run(["corpus", "build", directory])
    try #require(built.status == 0, "\(built.stderr)")
  }
}

/// Topologies for the tests: a small network that takes a second or so for a run.
struct SmallTopology: Hashable {
  var name = "small"
  var corpus: String
  var hosts =
    "here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}"
  var seed = 11
  var clip = "{frames: 4, stride: 2, slack: 1, resize: [40, 54], crop: 32, mirror: true}"
  var network = "r2plus1d-10"
  var steps = 16
  var batch = 4
  var replicas = 3
  var evaluate = "{every: 1000, clips: 2, split: validation}"
  var links = "{compression: lz4}"
  /// More keys of `train`, each after a comma.
  var train = ""
  var extra = ""

  init(corpus: String) { self.corpus = corpus }

  /// One host with these counts, 1 for those not given.
  mutating func count(_ counts: [String: Int]) {
    let stages = ["decode", "augment", "batch", "train", "average", "evaluate"]
    let list = stages.map { "\($0): \(counts[$0] ?? 1)" }.joined(separator: ", ")
    hosts = "here: {address: 127.0.0.1, coordinator: true, \(list)}"
  }

  func write() throws -> String {
    let path = Workspace.shared.scratch().appendingPathComponent("\(name).yaml")
    let text = """
      name: \(name)
      seed: \(seed)
      corpus: \(corpus)
      hosts:
      \(hosts.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
      clip: \(clip)
      sampling: {labels: square-root}
      train: {network: \(network), width: 0.25, replicas: \(replicas), batch: \(batch), steps: \(steps), learning_rate: 0.02\(train)}
      evaluate: \(evaluate)
      links: \(links)
      checkpoint: {every: 4, keep: 3}
      \(extra)
      """
    try text.write(to: path, atomically: true, encoding: .utf8)
    return path.path
  }
}
