package import Topology

/// What a topology can do and what it needs, predicted from the costs of its stages: a pure function of what is handed in.
///
/// Each stage does workers / seconds a clip; the workers of a machine share its cores; trained rounds wait for the slowest worker
/// and then for the average. The least of these limits is the rate. What is needed is counted at the rate of training alone.
package struct Capacity: Sendable, Equatable, Encodable {
  /// The rate that one part allows.
  package struct Limit: Sendable, Equatable, Encodable {
    package var part: String
    package var clipsPerSecond: Double

    package enum CodingKeys: String, CodingKey {
      case part
      case clipsPerSecond = "clips_per_second"
    }
  }

  package struct StageNeed: Sendable, Equatable, Encodable {
    package var stage: String
    package var workers: Int
    /// So that training does not wait for them.
    package var needed: Int
  }

  /// A host; those on loopback are one machine.
  package struct MachineNeed: Sendable, Equatable, Encodable {
    package var name: String
    package var cores: Double
    /// Over the network, before packing; none for loopback.
    package var bytesInPerSecond: Double
    package var bytesOutPerSecond: Double
    package var memoryBytes: Double

    package enum CodingKeys: String, CodingKey {
      case name, cores
      case bytesInPerSecond = "bytes_in_per_second"
      case bytesOutPerSecond = "bytes_out_per_second"
      case memoryBytes = "memory_bytes"
    }
  }

  /// What is known of the machines.
  package struct Machines: Sendable {
    /// Of each machine; nil counts none as a limit.
    package var cores: Int?
    /// Each machine's link, each way; nil counts none as a limit.
    package var bytesPerSecond: Double?

    package init(cores: Int? = nil, bytesPerSecond: Double? = nil) {
      self.cores = cores
      self.bytesPerSecond = bytesPerSecond
    }
  }

  package var clipsPerSecond: Double
  package var stepsPerSecond: Double
  /// The part that limits the rate.
  package var bottleneck: String
  /// The lowest first.
  package var limits: [Limit]
  /// What training alone would do.
  package var trainingClipsPerSecond: Double
  package var stages: [StageNeed]
  package var machines: [MachineNeed]

  package enum CodingKeys: String, CodingKey {
    case bottleneck, limits, stages, machines
    case clipsPerSecond = "clips_per_second"
    case stepsPerSecond = "steps_per_second"
    case trainingClipsPerSecond = "training_clips_per_second"
  }

  /// More than anybody has, and a whole number in every type.
  private static let mostWorkers = 1e15

  package init(_ topology: Topology, costs: StageCosts, machines known: Machines) {
    let load = ClipLoad(topology, costs)
    var limits = [Stage.decode, .augment, .batch].map {
      Limit(part: $0.rawValue, clipsPerSecond: Double(topology.count($0)) / load.workerSeconds($0))
    }
    let rounds = Limit(part: "train", clipsPerSecond: load.clipsPerStep / load.secondsPerStep)
    let shards = Limit(part: "average", clipsPerSecond: load.clipsPerStep / load.averageSecondsPerStep)
    let plan = Limit(part: "coordinator", clipsPerSecond: 1 / load.workerSeconds(.plan))
    let training = min(rounds.clipsPerSecond, shards.clipsPerSecond, plan.clipsPerSecond)
    limits += [rounds, shards, plan]
    let groups = load.machines
    for machine in groups {
      if let cores = known.cores {
        limits.append(
          Limit(part: "cores of \(machine.name)", clipsPerSecond: Double(cores) / load.cpuSeconds(on: machine)))
      }
      if let rate = known.bytesPerSecond, !machine.isLoopback {
        let bytes = load.bytes(of: machine)
        limits.append(Limit(part: "link of \(machine.name)", clipsPerSecond: rate / max(bytes.in, bytes.out)))
      }
    }
    limits.sort { ($0.clipsPerSecond, $0.part) < ($1.clipsPerSecond, $1.part) }
    self.limits = limits
    bottleneck = limits[0].part
    clipsPerSecond = limits[0].clipsPerSecond
    stepsPerSecond = clipsPerSecond / load.clipsPerStep
    trainingClipsPerSecond = training
    stages = [Stage.decode, .augment, .batch].map {
      StageNeed(
        stage: $0.rawValue, workers: topology.count($0),
        needed: Int(min(max(1, (training * load.workerSeconds($0)).rounded(.up)), Self.mostWorkers)))
    }
    let memory = topology.memoryPerWorker()
    self.machines = groups.map { machine in
      let bytes = machine.isLoopback ? (in: 0, out: 0) : load.bytes(of: machine)
      return MachineNeed(
        name: machine.name, cores: training * load.cpuSeconds(on: machine), bytesInPerSecond: training * bytes.in,
        bytesOutPerSecond: training * bytes.out,
        memoryBytes: memory.reduce(0) { $0 + Double($1.bytes * machine.count($1.stage)) })
    }
  }
}
