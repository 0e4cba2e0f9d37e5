extension Topology {
  /// One entry of `hosts`: a machine (or an address that is treated as one) and its workers.
  package struct Host: Sendable, Equatable {
    package var name: String
    package var address: String
    /// Control port, on the coordinator's host only; nil when everything is local.
    package var port: Int?
    package var coordinator: Bool
    /// Workers by stage; stages without workers are absent.
    package var counts: [Stage: Int]
    /// Stages that share one process, in pipeline order; empty for none.
    package var chain: [Stage]
    /// `average: beside-train`: a shard lives in the process of each train worker that the host starts with.
    package var isAverageBesideTrain = false
    /// Memory all workers of the host may use together.
    package var memoryBytes: Int?

    package init(
      name: String, address: String, port: Int? = nil, coordinator: Bool = false, counts: [Stage: Int] = [:],
      chain: [Stage] = [], memoryBytes: Int? = nil
    ) {
      self.name = name
      self.address = address
      self.port = port
      self.coordinator = coordinator
      self.counts = counts
      self.chain = chain
      self.memoryBytes = memoryBytes
    }

    /// Workers of `stage` here. The plan is a part of the coordinator.
    package func count(_ stage: Stage) -> Int {
      stage == .plan ? (coordinator ? 1 : 0) : counts[stage, default: 0]
    }

    /// Stages that share a process, and how many processes of each the host starts with.
    package var processes: [(stages: [Stage], count: Int)] {
      let besideTrain: Set<Stage> = isAverageBesideTrain ? [.train, .average] : []
      // One of a chain and a pair that overlap: a process of all of them.
      let isOne = !besideTrain.isDisjoint(with: chain)
      let shared = isOne ? [besideTrain.union(chain)] : [Set(chain), besideTrain].filter { !$0.isEmpty }
      let alone = Stage.allCases.filter { stage in stage != .plan && !shared.contains { $0.contains(stage) } }
      return (shared + alone.map { [$0] }).map { group in
        (Stage.allCases.filter(group.contains), group.map(count).max() ?? 0)
      }
    }

    /// Workers of `stage` that share their process with an average shard: they stay as long as the run.
    package func fixedCount(_ stage: Stage) -> Int {
      processes.filter { $0.stages.contains(.average) && $0.stages.contains(stage) }.reduce(0) { $0 + $1.count }
    }

    /// Whether the address can be reached from this machine only.
    package var isLoopback: Bool { Topology.isLoopback(address) }
  }

  /// Whether an address can be reached from its own machine only.
  package static func isLoopback(_ address: String) -> Bool {
    address == "localhost" || address == "::1" || address == "[::1]"
      || (address.hasPrefix("127.") && address.allSatisfy { $0.isNumber || $0 == "." })
  }
}
