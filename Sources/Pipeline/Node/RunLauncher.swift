import Files
import Foundation
import Glibc
package import Topology
import ZeroMQ

/// Starts a topology's processes on this machine and waits for the end: `sluice run` and `sluice node`.
package struct RunLauncher: Sendable {
  package var topology: Topology
  package var directory: RunDirectory
  /// The hosts whose stages run here; all of them for `sluice run`.
  package var hosts: [Topology.Host]
  package var resume = false
  package var stopAfter: Int?
  package var executable: String

  package init(topology: Topology, directory: RunDirectory, hosts: [Topology.Host], executable: String) {
    self.topology = topology
    self.directory = directory
    self.hosts = hosts
    self.executable = executable
  }

  /// Runs to the end, with the coordinator if its host is among `hosts`.
  /// - Returns: the report, nil when the coordinator is elsewhere.
  package func run() async throws -> RunReport? {
    try checkKeys()
    try OpenFiles.raise(workers: Stage.allCases.reduce(0) { $0 + topology.count($1) })
    // Every process started from here on reads it.
    if let kernels = topology.train.kernels { setenv("SLUICE_KERNELS", kernels, 1) }
    // Before anything shows that there is a run: a request to stop it finds a listener.
    let (stops, continuation) = AsyncStream<Int>.makeStream()
    let signals = Signals.onTermination { continuation.yield($0) }
    defer { withExtendedLifetime(signals) {} }
    guard hosts.contains(where: \.coordinator) else { return try await start(stops) }
    // Else the workers of this one would join that of another run, in the place of its own.
    if let endpoint = topology.coordinatorEndpoint { try LocalAddress.requireFree(endpoint) }
    if resume {
      try directory.resume(topology)
      return try await start(stops)
    }
    let wasThere = Directory.isThere(directory.path)
    try directory.create(topology)
    do {
      return try await start(stops)
    } catch {
      if !directory.isTrained { directory.discard(keepsPlace: wasThere) }
      throw error
    }
  }

  /// A key that is missing is said before anything starts.
  private func checkKeys() throws {
    let setting = SecuritySetting(topology)
    for host in hosts {
      _ = try RunSecurity(setting, role: .worker, host: host.name)
      if host.coordinator { _ = try RunSecurity(setting, role: .coordinator) }
    }
  }

  /// - Parameter stops: counts requests to stop.
  private func start(_ stops: AsyncStream<Int>) async throws -> RunReport? {
    let holdsCoordinator = hosts.contains(where: \.coordinator)
    let lifeline = Lifeline()
    let context = try Context()
    let endpoint = topology.coordinatorEndpoint
    // A run of one host has its coordinator here.
    let control = holdsCoordinator ? try directory.identity().control : endpoint!
    let nodes = hosts.map { host in
      NodeSupervisor(
        host: host, join: host.coordinator ? control : endpoint ?? control,
        bindAddress: endpoint == nil ? nil : host.address, security: SecuritySetting(topology), executable: executable,
        lifeline: lifeline, context: context)
    }
    defer { context.shutdown() }
    guard holdsCoordinator else {
      let listener = Task {
        for await _ in stops { for node in nodes { await node.drain() } }
      }
      defer { listener.cancel() }
      try await Self.wait(for: nodes) {}
      return nil
    }
    return try await runWithCoordinator(nodes, lifeline, stops)
  }

  private func runWithCoordinator(
    _ nodes: [NodeSupervisor], _ lifeline: Lifeline, _ stops: AsyncStream<Int>
  ) async throws -> RunReport {
    let coordinator = CoordinatorSupervisor(
      executable: executable, directory: directory, stopAfter: stopAfter, lifeline: lifeline)
    let listener = Task {
      for await count in stops {
        await coordinator.stop()
        guard count > 1 else { continue }
        for node in nodes { await node.killAll() }
      }
    }
    defer { listener.cancel() }
    async let status = coordinator.run()
    async let nodesEnd: Void = Self.wait(for: nodes) { await coordinator.stop() }
    let result: Result<Int32, any Error>
    do { result = .success(try await status) } catch { result = .failure(error) }
    for node in nodes { await node.drain() }
    try await nodesEnd
    guard try result.get() == 0 else {
      throw PipelineError(.worker, "the run failed, see the coordinator's message above")
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: directory.reportPath))
    return try JSONDecoder().decode(RunReport.self, from: data)
  }

  /// Waits for every node; the first that fails has the rest stopped.
  private static func wait(
    for nodes: [NodeSupervisor], onFailure: @escaping @Sendable () async -> Void
  ) async throws {
    let failures = try await withThrowingTaskGroup(of: NodeSupervisor.End.self) { group in
      for node in nodes { group.addTask { try await node.run() } }
      var failures: [String] = []
      for try await end in group {
        guard case .failed(let reason) = end else { continue }
        failures.append(reason)
        await onFailure()
      }
      return failures
    }
    if let first = failures.first { throw PipelineError(.worker, first) }
  }
}

extension RunLauncher {
  /// Joins a live run with one worker, supervised like any other.
  /// - Parameters:
  ///   - host: a `hosts:` entry on this machine, or nil for a name of its own.
  ///   - address: where its peers reach this host; nil is the one that is used towards the coordinator.
  /// - Returns: whether it ended since the run was to have fewer such workers, not with the run or by a signal.
  package static func joinOne(
    stage: Stage, join: String, host: String?, address: String?, security: SecuritySetting, executable: String
  ) async throws -> Bool {
    let address = try await LocalAddress.awaited(towards: join, given: address)
    let name = host ?? "\(ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"
    let entry = Topology.Host(
      name: name, address: address, port: nil, coordinator: false, counts: [stage: 1], chain: [], memoryBytes: nil)
    _ = try RunSecurity(security, role: .worker, host: name)
    try OpenFiles.raise(workers: 1)
    let context = try Context()
    defer { context.shutdown() }
    let node = NodeSupervisor(
      host: entry, join: join, bindAddress: address, security: security, executable: executable, lifeline: Lifeline(),
      context: context, singleOrdinal: Int(ProcessInfo.processInfo.processIdentifier))
    let signals = Signals.onTermination { _ in Task { await node.drain() } }
    defer { withExtendedLifetime(signals) {} }
    switch try await node.run() {
    case .finished: return false
    case .scaledAway: return true
    case .failed(let reason): throw PipelineError(.worker, reason)
    }
  }
}
