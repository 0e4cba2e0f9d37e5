import Foundation
import Pipeline
import Synchronization
import Testing
import Topology
import ZeroMQ

/// Keys on disk, the list of those who may enter, and what is said of the others.
@Suite struct KeyTests {
  private func withDirectory(_ body: (KeyDirectory) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-keys-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(KeyDirectory(path: path))
  }

  private func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func secretsAreTheOwnersOnly() throws {
    try withDirectory { keys in
      for role in KeyRole.allCases { try keys.make(role, name: role.rawValue) }
      #expect(try mode(keys.path) == 0o700)
      for role in KeyRole.allCases {
        let secret = "\(keys.path)/\(role.rawValue)/\(role.rawValue).key_secret"
        #expect(try mode(secret) == 0o600)
        let text = try String(contentsOfFile: "\(keys.path)/\(role.rawValue)/\(role.rawValue).key", encoding: .utf8)
        #expect(!text.contains("secret-key"))
      }
      let secret = "\(keys.path)/worker/worker.key_secret"
      #expect(try keys.own(.worker).publicKey == keys.list().entries.first { $0.role == "worker" }?.publicKey)
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: secret)
      #expect { try keys.own(.worker) } throws: { "\($0)".contains("chmod 600") && "\($0)".contains(secret) }
    }
  }

  @Test func aHostsKeyIsTheOneOfItsNameOrTheOnlyOne() throws {
    try withDirectory { keys in
      #expect { try keys.own(.worker) } throws: { "\($0)".contains("found none") }
      #expect { try keys.coordinator() } throws: { "\($0)".contains("found none") }
      try keys.make(.worker, name: "a")
      #expect(try keys.own(.worker, host: "b") == keys.own(.worker, host: "a"))
      try keys.make(.worker, name: "b")
      #expect(try keys.own(.worker, host: "b") != keys.own(.worker, host: "a"))
      #expect { try keys.own(.worker, host: "c") } throws: { "\($0)".contains("a, b and none is called c") }
      try keys.make(.worker, name: "worker")
      #expect(try keys.own(.worker, host: "c") == keys.own(.worker, host: "worker"))
      #expect { try keys.make(.tap, name: "a") } throws: { "\($0)".contains("of the role worker already") }
      for name in ["", "../a", "a b", "é"] {
        #expect { try keys.make(.tap, name: name) } throws: { "\($0)".contains("letters, digits") }
      }
    }
  }

  /// A directory that is replaced by another is away for a moment: nobody is thrown out for that.
  @Test func aDirectoryThatIsAwayForAMomentChangesNothing() throws {
    try withDirectory { keys in
      try keys.make(.worker, name: "a")
      let key = try keys.own(.worker).publicKey
      let now = Mutex(0.0)
      let list = AllowList(keys) { now.withLock { $0 } }
      #expect(list.allows(key, .worker))
      for seconds in [0.9, 1.1] {
        try FileManager.default.moveItem(atPath: keys.path, toPath: keys.path + "-aside")
        #expect(list.allows(key, .worker, isFresh: true))
        now.withLock { $0 += seconds }
        #expect(list.allows(key, .worker, isFresh: true) == (seconds < 1))
        #expect(list.removals(.worker) == (seconds < 1 ? 0 : 1))
        try FileManager.default.moveItem(atPath: keys.path + "-aside", toPath: keys.path)
        #expect(list.allows(key, .worker, isFresh: true))
      }
    }
  }

  @Test func whoIsRevokedIsOffTheListAtOnce() throws {
    try withDirectory { keys in
      try keys.make(.worker, name: "a")
      try keys.make(.worker, name: "b")
      try keys.make(.tap, name: "eve")
      let now = Mutex(0.0)
      let list = AllowList(keys) { now.withLock { $0 } }
      let (a, b, eve) = (try keys.own(.worker, host: "a"), try keys.own(.worker, host: "b"), try keys.own(.tap))
      #expect(list.allows(a.publicKey, .worker) && list.allows(b.publicKey, .worker))
      #expect(!list.allows(eve.publicKey, .worker) && list.allows(eve.publicKey, .tap))
      #expect(!list.allows(a.publicKey, .operator) && !list.allows(a.publicKey, .tap))
      try keys.revoke("b")
      #expect(!list.allows(b.publicKey, .worker, isFresh: true) && list.allows(a.publicKey, .worker))
      #expect(list.removals(.worker) == 1 && list.removals(.tap) == 0)
      #expect { try keys.revoke("b") } throws: { "\($0)".contains("no key b that may enter") }
      #expect(try keys.list().entries.first { $0.name == "b" }?.isRevoked == true)
      // A key that is damaged, or whose folder is gone, lets nobody in.
      try "".write(toFile: "\(keys.path)/worker/a.key", atomically: false, encoding: .utf8)
      #expect(!list.allows(a.publicKey, .worker, isFresh: true))
      try FileManager.default.removeItem(atPath: "\(keys.path)/tap")
      #expect(list.allows(eve.publicKey, .tap, isFresh: true), "it may be replaced by another")
      now.withLock { $0 += 2 }
      #expect(!list.allows(eve.publicKey, .tap, isFresh: true))
      #expect(list.removals(.worker) == 2 && list.removals(.tap) == 1)
    }
  }

  /// A host that was set up anew has a key of the same name; the note of the old one stays when it is revoked, too. A note
  /// that is damaged counts as it was.
  @Test func aNoteOfRevocationIsNeverLost() throws {
    try withDirectory { keys in
      let list = AllowList(keys)
      let file = "\(keys.path)/worker/b"
      try keys.make(.worker, name: "a")
      var revoked: [String] = []
      for _ in 0..<3 {
        // The key comes from another host: `make` takes no name that was there.
        let other = KeyDirectory(path: keys.path + "-other")
        try other.make(.worker, name: "b")
        revoked.append(try other.own(.worker).publicKey)
        try FileManager.default.moveItem(atPath: "\(other.path)/worker/b.key", toPath: "\(file).key")
        try FileManager.default.removeItem(atPath: other.path)
        if revoked.count == 1 { try FileManager.default.copyItem(atPath: "\(file).key", toPath: keys.path + "/old") }
        #expect(list.allows(revoked.last!, .worker, isFresh: true))
        try keys.revoke("b")
      }
      #expect(revoked.allSatisfy { !list.allows($0, .worker, isFresh: true) })
      try FileManager.default.moveItem(atPath: keys.path + "/old", toPath: "\(file).key")
      #expect(!list.allows(revoked[0], .worker, isFresh: true))
      try "damaged".write(toFile: "\(file).revoked", atomically: true, encoding: .utf8)
      #expect(!list.allows(revoked[0], .worker, isFresh: true))
    }
  }

  /// A copy of a revoked key's file does not bring it back, nor does it come in under another name or role.
  @Test func whatIsRevokedIsTheKeyAndNotItsFile() throws {
    try withDirectory { keys in
      func copy(_ from: String, _ to: String) throws {
        try FileManager.default.copyItem(atPath: "\(keys.path)/\(from)", toPath: "\(keys.path)/\(to)")
      }
      try keys.make(.worker, name: "a")
      try keys.make(.worker, name: "b")
      try keys.make(.operator, name: "c")
      let list = AllowList(keys)
      let b = try keys.own(.worker, named: "b").publicKey
      try copy("worker/b.key", "worker/again.key")
      try copy("worker/b.key", "operator/b.key")
      #expect(list.allows(b, .worker, isFresh: true) && list.allows(b, .operator, isFresh: true))
      #expect { try keys.revoke("b") } throws: {
        "\($0)".contains("worker, operator have a key b; say which by --role")
      }
      try keys.revoke("b", role: .worker)
      #expect(!list.allows(b, .worker, isFresh: true) && !list.allows(b, .operator, isFresh: true))
      try copy("worker/b.revoked", "worker/b.key")
      #expect(!list.allows(b, .worker, isFresh: true))
      #expect(try keys.list().entries.filter { $0.publicKey == b }.allSatisfy(\.isRevoked))
      // The note of it, put where there is none, is enough.
      let a = try keys.own(.worker, named: "a").publicKey
      try copy("worker/a.key", "tap-a")
      #expect(list.allows(a, .worker, isFresh: true))
      try copy("tap-a", "operator/a.revoked")
      #expect(!list.allows(a, .worker, isFresh: true))
    }
  }

  @Test func oneBadFileDoesNotHideTheOthers() throws {
    try withDirectory { keys in
      #expect { try keys.list() } throws: { "\($0)".contains("no such directory") }
      try keys.make(.worker, name: "a")
      try "garbage".write(toFile: "\(keys.path)/worker/bad.key", atomically: false, encoding: .utf8)
      try keys.make(.tap, name: "t")
      try keys.revoke("a")
      let (entries, problems) = try keys.list()
      #expect(entries.map(\.name) == ["a", "t"])
      #expect(problems.count == 1 && "\(problems[0])".contains("worker/bad.key: no public key in it"))
    }
  }

  @Test func aNameThatIsGivenMustExist() throws {
    try withDirectory { keys in
      for role in KeyRole.allCases { try keys.make(role, name: role.rawValue) }
      let setting = SecuritySetting(scope: .betweenHosts, keys: keys.path)
      _ = try RunSecurity(setting, role: .operator, key: "operator")
      #expect { try RunSecurity(setting, role: .operator, key: "nobody") } throws: {
        "\($0)".contains("no secret key nobody there; found operator")
      }
      let open = SecuritySetting(scope: .none, keys: keys.path)
      #expect(throws: PipelineError.self) { try RunSecurity(open, role: .operator, key: "nobody") }
      #expect { try RunSecurity(.none, role: .operator, key: "nobody") } throws: { "\($0)".contains("--keys") }
    }
  }

  /// One socket, bound with and without encryption: each way says who came by it.
  @Test func betweenHostsOnlyTCPIsEncrypted() throws {
    try withDirectory { keys in
      for role in KeyRole.allCases { try keys.make(role, name: role.rawValue) }
      let setting = SecuritySetting(scope: .betweenHosts, keys: keys.path)
      let security = try RunSecurity(setting, role: .worker)
      let context = try Context()
      let place = try ProcessPlace(context: context, host: "here", address: "127.0.0.1", security: security)
      let router = try Socket(.router, in: context)
      let bound = try place.bind(router, name: "x", for: .worker)
      let last = try place.bind(router, to: "ipc://@sluice-test-\(UUID())", for: .worker)
      #expect(bound.key == security.publicKey && bound.key != nil)
      for endpoint in [bound.inproc, bound.ipc, bound.tcp, last].compactMap({ $0 }) {
        let dealer = try Socket(.dealer, in: endpoint.hasPrefix("inproc") ? context : Context())
        try security.connect(dealer, to: endpoint, key: endpoint.hasPrefix("tcp") ? bound.key : nil)
        _ = try dealer.send(Multipart(MessagePart(bytes: [1])))
        var message = try router.receive()
        let deadline = ContinuousClock.now + .seconds(20)
        while message == nil, ContinuousClock.now < deadline { message = try router.receive() }
        let received = try #require(message, "by \(endpoint)")
        #expect(received.sender == (endpoint.hasPrefix("tcp") ? bound.key : nil))
        #expect(security.accepts(received, from: .worker))
        #expect(security.accepts(received, from: .tap) == !endpoint.hasPrefix("tcp"))
        dealer.close()
      }
      let dealer = try Socket(.dealer, in: context)
      #expect(throws: ZeroMQError.self) { try security.connect(dealer, to: #require(bound.tcp), key: nil) }
      dealer.close()
      router.close()
      context.terminate()
    }
  }

  @Test func refusalsAreLoggedAtABoundedRate() {
    var log = DenialLog()
    let burst = (0..<10_000).compactMap { log.line("x", now: Double($0) * 1e-4) }
    #expect(burst.count == 5)
    #expect(log.line("x", now: 12)?.contains("(9995 more") == true)
    let hour = (0..<36_000).compactMap { log.line("x", now: 12 + Double($0) / 10) }
    #expect(hour.count <= 361 && hour.count >= 355, "\(hour.count)")
    #expect(log.line("x", now: 10_000) != nil)
  }

  @Test func doorsAreFoundByTheFirst() {
    let doors = Doors("tcp://a:7700")
    #expect(doors?.clients == "tcp://a:7701" && doors?.taps == "tcp://a:7702" && doors?.workers == "tcp://a:7700")
    #expect(Doors("ipc://@x/control")?.clients == "ipc://@x/control/clients")
    for wrong in [
      "tcp://a", "tcp://a:", "tcp://a:0", "tcp://a:65534", "tcp://a:x", "tcp://:7700", "udp://a:7700", "a:7700",
    ] {
      #expect(Doors(wrong) == nil)
    }
  }

  @Test func manyWorkersNeedManyFiles() throws {
    try OpenFiles.raise(workers: 1)
    #expect { try OpenFiles.raise(workers: 1 << 40) } throws: { "\($0)".contains("the hard limit is") }
  }
}
