internal import Yams

extension Topology {
  /// Stages a host may have workers of; the plan belongs to the coordinator.
  static let workerStages = Stage.allCases.filter { $0 != .plan }

  /// Value of a host's `average` that places a shard in each train worker's process.
  static let besideTrain = "beside-train"

  static func readHosts(_ root: SectionReader) -> [Host] {
    guard let section = root.section("hosts", required: true) else { return [] }
    var hosts: [Host] = []
    for entry in section.entries {
      if !isHostName(entry.key) {
        section.fail(entry.key, "a host's name has letters, digits, - and _ only")
      }
      if let host = section.section(entry.key, required: true) {
        hosts.append(readHost(host, name: entry.key))
      }
    }
    let coordinators = hosts.filter(\.coordinator).map(\.name)
    if hosts.isEmpty {
      root.fail("hosts", "no host")
    } else if coordinators.count != 1 {
      let found = coordinators.isEmpty ? "none has" : "\(coordinators.joined(separator: " and ")) have"
      root.fail("hosts", "exactly one host needs `coordinator: true`; \(found) it")
    }
    for host in hosts where host.port != nil && !host.coordinator {
      section.section(host.name, required: true)?.fail("port", "only the coordinator's host has a control port")
    }
    if hosts.count > 1, let index = hosts.firstIndex(where: \.coordinator), hosts[index].port == nil {
      hosts[index].port = defaultPort
    }
    return hosts
  }

  /// Letters, digits, - and _: names are parts of workers' names and of file names.
  package static func isHostName(_ name: String) -> Bool {
    !name.isEmpty
      && name.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_"
      }
  }

  private static func readHost(_ section: SectionReader, name: String) -> Host {
    defer { section.finish() }
    let address = section.string("address")
    if address.contains("/") || address.contains(" ") {
      section.fail("address", "expected a host name or an IP address, found `\(address)`")
    }
    var host = Host(
      name: name, address: address, port: section.optionalInteger("port", in: 1...65_533),
      coordinator: section.boolean("coordinator", default: false), counts: [:], chain: [],
      memoryBytes: section.optionalByteCount("memory"))
    host.isAverageBesideTrain = section.entry("average", required: false)?.value.plainText == besideTrain
    for stage in workerStages where stage != .average || !host.isAverageBesideTrain {
      let count = section.integer(stage.rawValue, default: 0, in: 0...4096)
      if count > 0 { host.counts[stage] = count }
    }
    if host.isAverageBesideTrain {
      host.counts[.average] = host.counts[.train]
      if host.count(.train) == 0 { section.fail("average", "\(name) has no train worker to be beside") }
    }
    host.chain = readChain(section, host: host)
    return host
  }

  private static func readChain(_ section: SectionReader, host: Host) -> [Stage] {
    guard let entry = section.entry("chain", required: false) else { return [] }
    guard case .sequence(let sequence) = entry.value else {
      section.fail("chain", "expected a list of stages, found \(entry.value.kind)")
      return []
    }
    var chain: Set<Stage> = []
    for node in sequence {
      guard let stage = node.scalarText.flatMap({ Stage(rawValue: $0) }), workerStages.contains(stage) else {
        let known = workerStages.map(\.rawValue).joined(separator: ", ")
        section.fail("chain", "unknown stage \(node.kind); known: \(known)")
        continue
      }
      if !chain.insert(stage).inserted {
        section.fail("chain", "\(stage.rawValue) is there twice")
      } else if host.count(stage) == 0 {
        section.fail("chain", "\(host.name) has no \(stage.rawValue) worker")
      }
    }
    return Stage.allCases.filter { chain.contains($0) }
  }

  // MARK: What only the whole shows

  /// Every stage that data must pass needs a worker somewhere, or the run would never move.
  func checkWorkers(_ root: SectionReader) {
    guard !hosts.isEmpty else { return }
    let needed: [Stage] = [.decode, .augment, .batch, .train, .average] + (evaluate == nil ? [] : [.evaluate])
    for stage in needed where count(stage) == 0 {
      let reason = stage == .evaluate ? ", but `evaluate` asks for it" : ""
      root.fail("hosts", "no host has a worker of the stage \(stage.rawValue)\(reason)")
    }
  }

  /// What is encrypted: with `auto`, tcp as soon as a host is beyond loopback.
  package var encryption: Encryption {
    switch links.security {
    case .none: .none
    case .curve: .everywhere
    case .auto: firstBeyondLoopback == nil ? .none : .betweenHosts
    }
  }

  private var firstBeyondLoopback: Host? {
    guard hosts.count > 1 || hosts.contains(where: { $0.port != nil }) else { return nil }
    return hosts.first { !$0.isLoopback && !$0.address.isEmpty }
  }

  /// Data leaves a machine in the clear only when the topology says so; encrypting it needs keys.
  func checkSecurity(_ root: SectionReader) {
    guard links.keys == nil, encryption != .none else { return }
    let entry = root.entries.first { $0.key == "links" }
    let section = SectionReader(
      entry?.value, path: "links", line: entry?.line ?? root.line(of: "hosts"), issues: root.issues)
    let advice = "make keys with `sluice keys make DIR` and write `keys: DIR`"
    if let beyond = firstBeyondLoopback, links.security == .auto {
      section.fail(
        "security",
        "`auto` encrypts links to \(beyond.name) (\(beyond.address)): \(advice), "
          + "or in a trusted network write `security: none`")
    } else {
      section.fail("keys", "`security: curve` needs keys: \(advice)")
    }
  }

  /// The workers of a host must fit into its `memory`.
  func checkMemory(_ root: SectionReader) {
    guard hosts.contains(where: { $0.memoryBytes != nil }), root.issues.issues.isEmpty else { return }
    let perWorker = memoryPerWorker()
    for host in hosts {
      guard let limit = host.memoryBytes else { continue }
      let needed = perWorker.reduce(0.0) { $0 + Double($1.bytes) * Double(host.count($1.stage)) }
      guard needed > Double(limit) else { continue }
      let section = root.section("hosts", required: true)?.section(host.name, required: true)
      section?.fail(
        "memory",
        "its workers need \(describeBytes(needed)), more than \(describeBytes(Double(limit))); "
          + "lower in_flight or the counts (`sluice check` shows the memory of each worker)")
    }
  }
}
