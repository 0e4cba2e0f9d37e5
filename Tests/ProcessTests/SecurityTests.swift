import Foundation
import Glibc
import Testing

/// Strangers at the sockets of a run whose links are encrypted: none gets in, none disturbs it.
@Suite(.serialized) struct SecurityTests {
  private struct Secured {
    var run: RunHandle
    var keys: Keys
    var port: Int
    var endpoint: String { "tcp://127.0.0.1:\(port)" }
    /// Leaves nothing behind when a test fails; a run that has ended does not mind.
    func end() { if run.live.process.isRunning { kill(run.live.process.processIdentifier, SIGKILL) } }
  }

  private static let here =
    "{address: 127.0.0.1, coordinator: true, port: PORT, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}"

  private func topology(_ keys: Keys, port: Int) throws -> SmallTopology {
    var topology = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    topology.steps = 100_000
    topology.hosts =
      "a: \(Self.here.replacing("PORT", with: "\(port)"))\nb: {address: 127.0.0.2, decode: 1, augment: 1, batch: 1, train: 1}"
    topology.links = "{compression: lz4, security: curve, keys: \(keys.path)}"
    return topology
  }

  /// A run of two hosts under way.
  private func start(launcher: [String] = []) throws -> Secured {
    let keys = try Keys()
    let port = Int.random(in: 20000..<30000)
    let run = try RunHandle(topology(keys, port: port), launcher: launcher)
    try run.waitForStep(2)
    return Secured(run: run, keys: keys, port: port)
  }

  /// Stops the run and compares it with one of as many steps without encryption, on one host, that nobody disturbed.
  private func expectUndisturbed(_ secured: Secured, lost: Bool = false) throws {
    kill(secured.run.live.process.processIdentifier, SIGTERM)
    let report = try secured.run.report()
    #expect(report["stopped"] as? Bool == true)
    if !lost { #expect(report["workers_lost"] as? Int == 0) }
    let steps = try #require(report["steps"] as? Int)
    var alone = secured.run.topology
    alone.hosts =
      "here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1, evaluate: 1}"
    alone.links = "{compression: lz4}"
    #expect(try hash(RunHandle(alone, ["--stop-after", "\(steps)"]).report(seconds: 180)) == hash(report))
  }

  private func workers(_ run: RunHandle) throws -> [String] {
    let workers = try #require(try run.status()?["workers"] as? [[String: Any]])
    return workers.compactMap { $0["id"] as? String }.sorted()
  }

  /// What each stranger tries, and a part of what it is told.
  private func strangers(_ secured: Secured) throws -> [(name: String, arguments: [String])] {
    let (keys, endpoint) = (secured.keys, secured.endpoint)
    let other = try Keys()
    try keys.make(["--role", "operator", "--name", "old"])
    try keys.revoke("old")
    func scale(_ keys: Keys?) -> [String] {
      ["scale", "decode=3", "--run", endpoint] + (keys.map { ["--keys", $0.path] } ?? [])
    }
    func tap(_ keys: Keys?) -> [String] {
      ["tap", "augment", "--run", endpoint] + (keys.map { ["--keys", $0.path] } ?? [])
    }
    return [
      ("no key", scale(nil)), ("no key at a tap", tap(nil)),
      (
        "a key that nobody listed", scale(try keys.elsewhere("operator", secret: "operator", of: "operator", in: other))
      ),
      ("a stranger's idea of the coordinator", scale(other)),
      ("a tap's key", scale(try keys.elsewhere("operator", secret: "tap", of: "tap"))),
      ("a worker's key", scale(try keys.elsewhere("operator", secret: "worker", of: "worker"))),
      ("a revoked key", scale(try keys.elsewhere("operator", secret: "operator", of: "old"))),
      ("an operator's key at a tap", tap(try keys.elsewhere("tap", secret: "operator", of: "operator"))),
      ("a worker's key at a tap", tap(try keys.elsewhere("tap", secret: "worker", of: "worker"))),
    ]
  }

  @Test func nobodyGetsInWithoutAKeyOfTheRole() throws {
    let secured = try start()
    defer { secured.end() }
    let before = try workers(secured.run)
    // Beside those who may: over tcp, and by the run's directory.
    for run in [[secured.endpoint, "--keys", secured.keys.path], [secured.run.output]] {
      #expect(try Sluice.run(["status", "--json", "--run"] + run).status == 0)
      let tap = try Sluice.run(["tap", "augment", "--limit", "2", "--timeout", "20", "--run"] + run)
      #expect(tap.status == 0, "\(tap.stderr)")
    }
    try expectPythonSeesTheTap(secured)
    let tries = try strangers(secured).map { ($0.name, try Sluice.Live($0.arguments)) }
    let worker = try Sluice.Live([
      "worker", "decode", "--join", secured.endpoint, "--keys",
      try secured.keys.elsewhere("worker", secret: "tap", of: "tap").path,
    ])
    for (name, live) in tries {
      let output = try live.wait(seconds: 60)
      #expect(output.status > 0 && output.stderr.contains("no answer from a coordinator"), "\(name): \(output)")
    }
    _ = try eventually("a word of the worker's") {
      worker.errors.contains("or it refuses this host's key") ? true : nil
    }
    #expect(try workers(secured.run) == before)
    kill(worker.process.processIdentifier, SIGTERM)
    #expect(try worker.wait(seconds: 10).status == 0)
    // Where this host's own sockets are not encrypted, those between hosts are all the same.
    let welcome = try Sluice.Live([
      "worker", "decode", "--join", secured.endpoint, "--host", "c", "--keys", secured.keys.path,
    ])
    _ = try eventually("a decoder of host c: \(secured.keys.path)") {
      try workers(secured.run).contains { $0.hasPrefix("c/decode/") } ? true : nil
    }
    kill(welcome.process.processIdentifier, SIGTERM)
    #expect(try welcome.wait(seconds: 20).status == 0, "\(welcome.errors)")
    // With the operator's key the same request does it.
    let scaled = try Sluice.run(["scale", "decode=3", "--run", secured.endpoint, "--keys", secured.keys.path])
    #expect(scaled.status == 0, "\(scaled.stderr)")
    _ = try eventually("one more decoder") {
      try workers(secured.run).filter { $0.contains("/decode/") }.count == 3 ? true : nil
    }
    try expectNoSecretShows(secured)
    try expectUndisturbed(secured)
    let lines = secured.run.live.errors.split(separator: "\n").filter { $0.contains("is not on the list") }
    #expect((1...20).contains(lines.count), "refusals are logged, at a bounded rate: \(lines)")
    #expect(lines.allSatisfy { $0.contains("refused 127.0.0.") })
  }

  /// The key files are those of pyzmq.
  private func expectPythonSeesTheTap(_ secured: Secured) throws {
    let workers = try #require(try secured.run.status()?["workers"] as? [[String: Any]])
    let augment = try #require(workers.first { $0["stage"] as? String == "augment" }?["tap"] as? [String: String])
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
    python.arguments = [
      DocumentationTests.repository.appendingPathComponent("scripts/python/tap.py").path,
      try #require(augment["tcp"]), "augment/1", try #require(augment["key"]),
      "\(secured.keys.path)/tap/tap.key_secret",
    ]
    let output = Pipe()
    python.standardOutput = output
    try python.run()
    python.waitUntilExit()
    #expect(python.terminationStatus == 0)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(text.hasPrefix("augment/1 "), "\(text)")
  }

  /// Not on a command line, not in an environment, not in what the run wrote or said.
  private func expectNoSecretShows(_ secured: Secured) throws {
    var texts = ["standard error": secured.run.live.errors]
    for id in try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap({ Int32($0) }) {
      for kind in ["cmdline", "environ"] {
        texts["\(id)/\(kind)"] = try? String(contentsOfFile: "/proc/\(id)/\(kind)", encoding: .utf8)
      }
    }
    let files = try #require(FileManager.default.enumerator(atPath: secured.run.output)).compactMap { $0 as? String }
    for file in files {
      let data = FileManager.default.contents(atPath: "\(secured.run.output)/\(file)") ?? Data()
      texts[file] = String(decoding: data, as: UTF8.self)
    }
    let secrets = try secured.keys.secrets()
    #expect(secrets.count >= 4)
    for (place, text) in texts { #expect(!secrets.contains { text.contains($0) }, "a secret shows in \(place)") }
  }

  /// Ports of the coordinator and of every worker's sockets on 127.0.0.1.
  private func ports(_ secured: Secured) throws -> [Int] {
    let workers = try #require(try secured.run.status()?["workers"] as? [[String: Any]])
    let endpoints = workers.flatMap { worker in
      ["data", "tap"].compactMap { (worker[$0] as? [String: String])?["tcp"] }
    }
    let found = endpoints.filter { $0.hasPrefix("tcp://127.0.0.1:") }.compactMap { Int($0.dropFirst(16)) }
    #expect(found.count >= 8)
    return [secured.port, secured.port + 1, secured.port + 2] + found
  }

  @Test func noiseAndFloodsDisturbNobody() throws {
    let secured = try start()
    defer { secured.end() }
    let ports = try ports(secured)
    var random = SystemRandomNumberGenerator()
    func noise(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) } }
    // ZMTP's greeting of version 3.0 with the mechanism, then a frame that says it is 2^62 bytes long.
    func greeting(_ mechanism: String) -> [UInt8] {
      let name = Array(mechanism.utf8) + [UInt8](repeating: 0, count: 20 - mechanism.utf8.count)
      return [0xFF] + [UInt8](repeating: 0, count: 8) + [0x7F, 3, 0] + name + [UInt8](repeating: 0, count: 32)
    }
    let huge: [UInt8] = [0x06, 0x40] + [UInt8](repeating: 0, count: 7)
    var peers: [RawPeer] = []
    for port in ports {
      for bytes in [
        [], noise(1), noise(4096), greeting("CURVE") + huge, greeting("CURVE") + noise(500),
        greeting("NULL") + noise(64),
      ] {
        let peer = try RawPeer(port: port)
        peer.send(bytes)
        peers.append(peer)
      }
    }
    #expect(peers.allSatisfy { $0.isHungUp(within: 10) }, "who does not shake hands is hung up on")
    let clock = ContinuousClock()
    let began = clock.now
    for index in 0..<10_000 { _ = try RawPeer(port: ports[index % ports.count]) }
    let crowd = try (0..<500).map { index in try RawPeer(port: ports[index % ports.count]) }
    #expect(crowd.allSatisfy { $0.isHungUp(within: 15) })
    #expect(clock.now - began < .seconds(120), "10,000 one after another and 500 at once: \(clock.now - began)")
    let step = secured.run.step()
    try secured.run.waitForStep(step + 4)
    #expect(try Sluice.run(["status", "--run", secured.endpoint, "--keys", secured.keys.path]).status == 0)
    try expectUndisturbed(secured)
  }

  /// More strangers than the coordinator may have files open: nobody's key counts as revoked, nothing is given up.
  @Test func moreStrangersThanFilesMayBeOpen() throws {
    let secured = try start(launcher: ["/usr/bin/prlimit", "--nofile=1024:1024"])
    defer { secured.end() }
    try raiseLimitOfOpenFiles()
    let strangers = try (0..<1400).map { _ in try RawPeer(port: secured.port) }
    let step = secured.run.step()
    try secured.run.waitForStep(step + 4)
    #expect(strangers.allSatisfy { $0.isHungUp(within: 30) })
    try expectUndisturbed(secured)
  }

  /// Of this process.
  private func raiseLimitOfOpenFiles() throws {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    getrlimit(resource, &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(resource, &limit)
    try #require(limit.rlim_cur >= 4096, "this test needs 4096 open files, the hard limit is \(limit.rlim_max)")
  }

  @Test func aKeyRevokedInMidRunIsOut() throws {
    let keys = try Keys()
    try keys.make(["--role", "worker", "--name", "b"])
    let port = Int.random(in: 20000..<30000)
    let topology = try topology(keys, port: port)
    let file = try topology.write()
    // Host b has its own secret and nobody else's; it knows the list, for those who connect to its workers.
    let b = Workspace.shared.scratch().appendingPathComponent("b").path
    try FileManager.default.copyItem(atPath: keys.path, toPath: b)
    for secret in ["worker/worker", "coordinator/coordinator", "operator/operator", "tap/tap"] {
      try FileManager.default.removeItem(atPath: "\(b)/\(secret).key_secret")
    }
    let output = Workspace.shared.scratch().appendingPathComponent("run").path
    let nodeB = try Sluice.Live(["node", file, "--host", "b", "--set", "links.keys=\(b)"])
    defer { if nodeB.process.isRunning { kill(nodeB.process.processIdentifier, SIGKILL) } }
    let run = try RunHandle(topology, [], output: output, command: ["node", file, "--host", "a"])
    let secured = Secured(run: run, keys: keys, port: port)
    defer { secured.end() }
    _ = try eventually("workers of b; a: \(run.live.errors) b: \(nodeB.errors)") {
      try run.status() != nil && workers(run).contains { $0.hasPrefix("b/train/") } ? true : nil
    }
    try run.waitForStep(4)
    let tap = try Sluice.Live(["tap", "augment", "--timeout", "5", "--run", secured.endpoint, "--keys", keys.path])
    _ = try eventually("items of the tap") { tap.written.isEmpty ? nil : true }
    try keys.revoke("b")
    try keys.revoke("tap")
    #expect(try nodeB.wait(seconds: 30).status > 0)
    #expect(nodeB.errors.contains("its key was revoked"), "\(nodeB.errors)")
    #expect(try !workers(run).contains { $0.hasPrefix("b/") })
    #expect(try tap.wait(seconds: 60).status == 0, "nothing more to see: \(tap.errors)")
    let again = try Sluice.Live(["node", file, "--host", "b", "--set", "links.keys=\(b)"])
    _ = try eventually("a word of b's") { again.errors.contains("or it refuses this host's key") ? true : nil }
    #expect(try !workers(run).contains { $0.hasPrefix("b/") })
    kill(again.process.processIdentifier, SIGTERM)
    #expect(try again.wait(seconds: 10).status == 0)
    let step = run.step()
    try run.waitForStep(step + 4)
    try expectUndisturbed(secured, lost: true)
  }

  /// The limits that docs/security.md recommends, in a network of this test's own.
  @Test(.enabled(if: Firewall.isHere, "needs root, and the packages nftables and iproute2"))
  func theFirewallRuleLimitsEachAddress() throws {
    let script = "ip link set lo up && nft -f scripts/nftables/sluice.nft && exec python3 Tests/ProcessTests/flood.py"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
    process.arguments = ["--net", "bash", "-c", script]
    process.currentDirectoryURL = DocumentationTests.repository
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}

enum Firewall {
  static var isHere: Bool {
    geteuid() == 0
      && ["/usr/sbin/nft", "/usr/sbin/ip", "/usr/bin/unshare"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
      }
  }
}
