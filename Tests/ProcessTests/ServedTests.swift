import Foundation
import Glibc
import Testing

/// Runs on videos that a server gives: the same parameters as on files, whatever the server does for a while.
@Suite(.serialized) final class ServedTests {
  private let folder: URL
  private let server: VideoServer
  private let served: String
  private let local: String
  private var names: [String] = []

  /// The small corpus, its videos on a server; and the same index, of the same videos as files.
  init() throws {
    // Processes from here on read it.
    setenv("SLUICE_HTTP_SILENCE", "2", 1)
    setenv("SLUICE_HTTP_LIMIT", "6", 1)
    let corpus = try SmallCorpus.shared.get().directory
    folder = Workspace.shared.scratch()
    server = try VideoServer(folder.path)
    served = Workspace.shared.scratch().path
    local = Workspace.shared.scratch().appendingPathComponent("corpus").path
    var rows = ""
    let manifest = try String(contentsOfFile: "\(corpus)/manifest.jsonl", encoding: .utf8)
    for line in manifest.split(separator: "\n") {
      var row = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let file = try #require(row["file"] as? String)
      let name = (file as NSString).lastPathComponent
      try FileManager.default.copyItem(atPath: "\(corpus)/\(file)", toPath: folder.appendingPathComponent(name).path)
      if row["split"] as? String == "train" { names.append(name) }
      row["file"] = "\(server.base)/ok/\(name)"
      rows += String(decoding: try JSONSerialization.data(withJSONObject: row), as: UTF8.self) + "\n"
    }
    try rows.write(toFile: "\(served)/manifest.jsonl", atomically: true, encoding: .utf8)
    try FileManager.default.copyItem(atPath: "\(corpus)/labels.txt", toPath: "\(served)/labels.txt")
    let built = try Sluice.run(["corpus", "build", served])
    try #require(built.status == 0, "\(built.stderr)")
    try FileManager.default.copyItem(atPath: served, toPath: local)
    try nameFiles()
  }

  /// Names are what draws are made by, so another corpus of the files would be drawn from otherwise.
  private func nameFiles() throws {
    let script = """
      import sqlite3, sys
      index = sqlite3.connect(sys.argv[1])
      index.execute("UPDATE videos SET file = replace(file, ?, ?)", sys.argv[2:])
      index.commit()
      """
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    python.arguments = ["python3", "-c", script, "\(local)/corpus.sqlite", "\(server.base)/ok", folder.path]
    try python.run()
    python.waitUntilExit()
    try #require(python.terminationStatus == 0)
  }

  deinit {
    unsetenv("SLUICE_HTTP_SILENCE")
    unsetenv("SLUICE_HTTP_LIMIT")
  }

  private func topology(_ corpus: String) -> SmallTopology {
    var topology = SmallTopology(corpus: corpus)
    topology.steps = 24
    topology.extra = "transient_retries: 100"
    topology.count(["decode": 2])
    return topology
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func make(_ name: String) throws { try Data().write(to: folder.appendingPathComponent(name)) }

  /// Whether a worker has been at a video for some seconds.
  private func isSlow(_ run: RunHandle, _ name: String) throws -> Bool {
    let workers = try run.status()?["workers"] as? [[String: Any]] ?? []
    return workers.contains { worker in
      let item = (worker["counters"] as? [String: Any])?["underWay"] as? [String: Any]
      return (item?["path"] as? String)?.hasSuffix(name) == true
    }
  }

  @Test func whatPassesChangesNothing() throws {
    let expected = try hash(RunHandle(topology(local)).report())
    let busy = try #require(names.first)
    try make("\(busy).503")
    let run = try RunHandle(topology(served))
    _ = try eventually("a video that is refused; \(run.live.errors)") { try isSlow(run, busy) ? true : nil }
    unlink(path("\(busy).503"))
    let step = run.step()
    try run.waitForStep(step + 1)
    try make("stalled")
    _ = try eventually("a server that stalls; \(run.live.errors)") { try isSlow(run, ".mp4") ? true : nil }
    unlink(path("stalled"))
    let report = try run.report(seconds: 180)
    #expect(try hash(report) == expected)
    #expect((report["quarantined"] as? [Any])?.isEmpty == true && report["workers_lost"] as? Int == 0)
    #expect(report["reproducible"] as? Bool == true)
  }

  @Test func whatIsGoneIsListedAndReplaced() throws {
    let gone = names[3]
    unlink(path(gone))
    let files = try RunHandle(topology(local)).report()
    let report = try RunHandle(topology(served)).report(seconds: 180)
    #expect(try hash(report) == hash(files))
    let quarantined = try #require(report["quarantined"] as? [[String: String]])
    #expect(quarantined.count == 1 && quarantined[0]["video"] == "\(server.base)/ok/\(gone)", "\(quarantined)")
    #expect(quarantined[0]["reason"]?.contains("404") == true, "\(quarantined)")
  }
}
