import Files
import Foundation
package import Topology

/// What an item costs each stage on one machine: `sluice bench stages` writes it, `sluice simulate` reads it.
package struct StageCosts: Codable, Sendable, Equatable {
  /// Of one clip; of the stage `average` of one block of one replica's contribution.
  package struct Cost: Codable, Sendable, Equatable {
    /// Seconds that a worker is at it, cores permitting.
    package var workerSeconds: Double
    /// Of all threads of its process.
    package var cpuSeconds: Double

    package enum CodingKeys: String, CodingKey {
      case workerSeconds = "worker_seconds"
      case cpuSeconds = "cpu_seconds"
    }

    package init(workerSeconds: Double, cpuSeconds: Double) {
      self.workerSeconds = workerSeconds
      self.cpuSeconds = cpuSeconds
    }
  }

  /// The settings that costs depend on, as they were when it was measured.
  package var settings: [String: String]
  /// Threads of the train worker that was measured.
  package var threads: Int
  /// Of the machine.
  package var cores: Int
  /// Clips a second of the run that was measured, all stages on this machine at once.
  package var clipsPerSecond: Double
  /// By stage; `plan` is the coordinator.
  package var stages: [String: Cost]

  package enum CodingKeys: String, CodingKey {
    case settings, threads, cores, stages
    case clipsPerSecond = "clips_per_second"
  }

  package init(topology: Topology, cores: Int, clipsPerSecond: Double, stages: [Stage: Cost]) {
    settings = Self.settings(of: topology)
    threads = topology.train.threads
    self.cores = cores
    self.clipsPerSecond = clipsPerSecond
    self.stages = Dictionary(uniqueKeysWithValues: stages.map { ($0.key.rawValue, $0.value) })
  }

  /// - Throws: `.configuration` when there is no such file or something else is in it, or a stage is missing.
  package init(path: String) throws(PipelineError) {
    do {
      self = try JSONDecoder().decode(StageCosts.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw PipelineError(
        .configuration,
        "\(path): not a file of stage costs (\(Self.reason(error, path))); `sluice bench stages` writes one")
    }
    let missing = Self.measured.filter { stages[$0.rawValue] == nil }
    let isSound =
      threads > 0
      && stages.values.allSatisfy {
        Self.secondsRange.contains($0.workerSeconds) && Self.secondsRange.contains($0.cpuSeconds)
      }
    guard missing.isEmpty, isSound else {
      let names = missing.map(\.rawValue).joined(separator: ", ")
      throw PipelineError(
        .configuration,
        "\(path): \(missing.isEmpty ? "costs must be 0 to \(Int(Self.secondsRange.upperBound)) seconds, `threads` 1 or more" : "no cost of \(names)"); "
          + "`sluice bench stages` writes such a file")
    }
  }

  /// Of one clip or block.
  private static let secondsRange = 0.0...1e9

  private static func reason(_ error: any Error, _ path: String) -> String {
    func place(_ path: [any CodingKey], _ last: (any CodingKey)? = nil) -> String {
      (path + (last.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context): return "no key \(place(context.codingPath, key))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "\(place(context.codingPath)): \(context.debugDescription)"
    case .dataCorrupted: return "not JSON"
    default:
      return Directory.isThere(path) ? "a directory" : error.localizedDescription
    }
  }

  package func write(to path: String) throws(PipelineError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    do {
      try OutputFile.replace(path, with: encoder.encode(self))
    } catch {
      throw PipelineError(.configuration, "\(error)")
    }
  }

  /// Those that train; evaluation is not counted.
  package static let measured: [Stage] = [.plan, .decode, .augment, .batch, .train, .average]

  /// Settings of `topology` that these costs were not measured with, for people.
  package func differences(from topology: Topology) -> [String] {
    let own = Self.settings(of: topology)
    return settings.keys.sorted().filter { own[$0] != settings[$0] }.map {
      "\($0) was \(settings[$0]!) when costs were measured, and is \(own[$0] ?? "not set")"
    }
  }

  private static func settings(of topology: Topology) -> [String: String] {
    let (clip, train) = (topology.clip, topology.train)
    let resize =
      switch clip.resize {
      case .exact(let height, let width): "[\(height), \(width)]"
      case .shortEdge(let sides): "short edge \(sides.lowerBound) to \(sides.upperBound)"
      }
    return [
      "clip.frames": "\(clip.frames)", "clip.stride": "\(clip.stride)", "clip.slack": "\(clip.slack)",
      "clip.resize": resize, "clip.crop": "\(clip.crop)", "clip.echo": "\(clip.echo)",
      "train.network": train.network, "train.width": "\(train.width)", "train.batch": "\(train.batch)",
      "train.precision": train.precision.rawValue, "train.winograd": "\(train.winograd)",
      "links.format": topology.links.format.rawValue,
    ]
  }
}
