import Topology

/// What one clip of training asks of each worker, machine and link of a topology. Items are spread evenly over the workers of
/// a stage.
struct ClipLoad {
  /// Hosts that share cores and a link.
  struct Machine {
    let name: String
    let hosts: [Topology.Host]
    let isLoopback: Bool

    func count(_ stage: Stage) -> Int { hosts.reduce(0) { $0 + $1.count(stage) } }
  }

  private let topology: Topology
  private let costs: StageCosts
  let machines: [Machine]
  let clipsPerStep: Double

  init(_ topology: Topology, _ costs: StageCosts) {
    self.topology = topology
    self.costs = costs
    clipsPerStep = Double(topology.train.clipsPerStep)
    let local = topology.hosts.filter(\.isLoopback)
    let here = local.isEmpty ? [] : [Machine(name: "this machine", hosts: local, isLoopback: true)]
    machines =
      here
      + topology.hosts.filter { !$0.isLoopback }.map { Machine(name: $0.name, hosts: [$0], isLoopback: false) }
  }

  /// Below any that was measured: a rate is never infinite.
  private static let leastSeconds = 1e-9

  private func cost(_ stage: Stage) -> StageCosts.Cost {
    costs.stages[stage.rawValue] ?? StageCosts.Cost(workerSeconds: 0, cpuSeconds: 0)
  }

  /// Of one clip; a train worker's other number of threads is taken to divide its time.
  func workerSeconds(_ stage: Stage) -> Double {
    let threads = stage == .train ? Double(costs.threads) / Double(topology.train.threads) : 1
    return max(Self.leastSeconds, cost(stage).workerSeconds * threads)
  }

  /// Blocks of contributions that all shards together take in a step: one of every replica.
  private var blocksPerStep: Double {
    (topology.networkParameters / Double(BlockMap.blockElements)).rounded(.up) * Double(topology.train.replicas)
  }

  var averageSecondsPerStep: Double {
    max(Self.leastSeconds, blocksPerStep * cost(.average).workerSeconds / Double(max(1, topology.count(.average))))
  }

  /// The train worker with the most replicas, then the shards' work on the last replica's contribution.
  var secondsPerStep: Double {
    let train = topology.train
    let workers = max(1, topology.count(.train))
    let replicas = (train.replicas + workers - 1) / workers
    return Double(replicas * train.clipsPerReplica) * workerSeconds(.train)
      + averageSecondsPerStep / Double(train.replicas)
  }

  private func share(_ stage: Stage, _ machine: Machine) -> Double {
    Double(machine.count(stage)) / Double(max(1, topology.count(stage)))
  }

  /// Of one clip, on the machine's share of all workers.
  func cpuSeconds(on machine: Machine) -> Double {
    let perClip = [Stage.plan, .decode, .augment, .batch, .train].reduce(0) {
      $0 + share($1, machine) * cost($1).cpuSeconds
    }
    let average = share(.average, machine) * blocksPerStep * cost(.average).cpuSeconds / clipsPerStep
    return max(Self.leastSeconds, perClip + average)
  }

  /// Of one clip: windows, clips, batches, and its share of contributions and parameters, before packing.
  func bytes(of machine: Machine) -> (in: Double, out: Double) {
    let links = topology.links.format
    let window = Double(links.bytes(pixels: topology.clip.windowPixels))
    let clip = Double(links.bytes(pixels: topology.clip.clipPixels))
    let element = topology.train.transfer == .bfloat16 ? 2.0 : 4.0
    let vector = topology.networkParameters * element / clipsPerStep
    let (replicas, workers) = (Double(topology.train.replicas), Double(topology.count(.train)))
    let flows: [(from: Stage, to: Stage, bytes: Double)] = [
      (.decode, .augment, window), (.augment, .batch, clip), (.batch, .train, clip),
      (.train, .average, vector * replicas), (.average, .train, vector * workers),
    ]
    return flows.reduce((0, 0)) { sum, flow in
      let (source, target) = (share(flow.from, machine), share(flow.to, machine))
      return (sum.0 + flow.bytes * target * (1 - source), sum.1 + flow.bytes * source * (1 - target))
    }
  }
}
