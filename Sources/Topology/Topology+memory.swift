internal import Foundation

extension Topology {
  /// Parameters of the network without its classifier, an estimate.
  package var networkParameters: Double {
    NetworkEstimate(network: train.network, width: train.width, frames: clip.frames, crop: clip.crop).parameters
  }

  /// Memory one worker of each stage needs at most, by the plan's window.
  ///
  /// The window bounds what is in flight: `in_flight` rounds of R · batch · H clips. A worker is counted with its share
  /// of them, plus the network's parameters and activations where it has one. The network's part is an estimate.
  package func memoryPerWorker() -> [(stage: Stage, bytes: Int)] {
    let network = NetworkEstimate(network: train.network, width: train.width, frames: clip.frames, crop: clip.crop)
    let parameterBytes = network.parameters * 4
    let elementBytes = train.precision == .float64 ? 8.0 : 4.0
    let keys = Double(inFlight * train.replicas)
    let itemsPerKey = Double(train.clipsPerReplica)
    let items = keys * itemsPerKey
    let windowBytes = links.format.bytes(pixels: clip.windowPixels)
    let clipBytes = links.format.bytes(pixels: clip.clipPixels)
    // What is trained on is RGB.
    let inputBytes = clip.clipPixels * 3
    func share(_ total: Double, _ stage: Stage) -> Double { (total / Double(max(1, count(stage)))).rounded(.up) }
    return Stage.allCases.map { stage in
      let process = 48.0 * 1_048_576
      let bytes: Double =
        switch stage {
        case .plan:
          // A clip's lease and its packets are about a kilobyte, and one round more is looked up; the index is read row by row.
          Double((inFlight + 1) * train.replicas) * itemsPerKey * 1024
        case .decode:
          // All clips of an evaluated video are decoded in one go, and copied apart.
          share(items, .decode) * Double(windowBytes)
            + Double(2 * (evaluate?.clips ?? 0) * windowBytes)
        case .augment:
          share(items, .augment) * Double(windowBytes + clipBytes)
        case .batch:
          // Clips as they came, and the collated batch that is kept until its step is committed.
          share(keys, .batch) * itemsPerKey * Double(clipBytes) * 2
        case .train:
          // Parameters, momentum, gradients and up to log2 R partial sums; activations and their gradients; the replica's
          // own parameters, update and gradient where it takes several steps.
          parameterBytes * (4 + Foundation.log2(Double(train.replicas)).rounded(.up) + (train.localSteps > 1 ? 3 : 0))
            + network.activations * elementBytes * 2.5 * Double(train.batch)
            + (train.precision == .float64 ? 2 * network.parameters * elementBytes : 0)
            + itemsPerKey * Double(clipBytes + inputBytes)
        case .average:
          // Parameters, momentum, two published versions and one partial sum per level of the tree.
          share(parameterBytes * (5 + Foundation.log2(Double(train.replicas)).rounded(.up)), .average)
        case .evaluate:
          evaluate == nil
            ? 0
            : parameterBytes * 2 + network.largestActivation * elementBytes * 4 * Double(train.batch)
              + 4 * Double(train.batch * inputBytes)
        }
      return (stage, Int(min(process + bytes, 1e18)))
    }
  }

  /// Hosts whose workers have more threads than the machine has cores.
  ///
  /// - Parameter cores: logical processors of the host, where known.
  package func threadsExceedingCores(cores: (Host) -> Int?) -> [(host: String, threads: Int, cores: Int)] {
    hosts.compactMap { host in
      guard let available = cores(host) else { return nil }
      let threads = Self.workerStages.reduce(0) { sum, stage in
        sum + host.count(stage) * (stage == .train || stage == .evaluate ? train.threads : 1)
      }
      return threads > available ? (host.name, threads, available) : nil
    }
  }
}

/// Bytes in the largest binary unit that gives a number of at least 1, for people.
package func describeBytes(_ bytes: Double) -> String {
  var value = bytes
  var unit = "B"
  for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] where value >= 1024 {
    value /= 1024
    unit = next
  }
  return unit == "B" ? "\(Int(value)) B" : String(format: value < 10 ? "%.1f %@" : "%.0f %@", value, unit)
}
