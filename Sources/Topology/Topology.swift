/// A validated description of a run: what is trained, on what, and which hosts run which stages.
///
/// A value of this type has passed every check; `docs/topology.md` describes each key of the file.
package struct Topology: Sendable, Equatable {
  package var name: String
  package var seed: UInt64
  /// Directory with `corpus.sqlite`; a relative path is relative to the current directory.
  package var corpus: String
  /// File of a subset of the corpus.
  package var subset: String?
  /// In file order.
  package var hosts: [Host]
  package var clip: Clip
  package var sampling: Sampling
  package var train: Train
  package var evaluate: Evaluate?
  package var links: Links
  /// The plan's window in rounds: how far leases may run ahead of the committed step.
  package var inFlight: Int
  package var checkpoint: Checkpoint
  /// Seconds after which a silent host's coordinator or shard is replaced.
  package var lostAfter: Double
  package var transientRetries: Int
  package var onTransient: OnTransient
  /// Largest share of failed items among all, judged at commits.
  package var maxBadFraction: Double
  /// Shortest deadline of a lease in seconds.
  package var leaseFloor: Double
  /// Seconds after which a decode worker that is still at the same clip ends itself.
  package var decodeLimit: Double
  /// Least and most workers of stages whose number follows the load.
  package var autoscale: [Stage: ClosedRange<Int>]

  /// What happens when an item still fails for a passing reason after `transientRetries`.
  package enum OnTransient: String, Sendable, CaseIterable {
    case stop, substitute
  }

  /// When checkpoints are written and how many are kept.
  package struct Checkpoint: Sendable, Equatable {
    /// In steps.
    package var every: Int
    package var keep: Int

    package init(every: Int, keep: Int) {
      self.every = every
      self.keep = keep
    }
  }

  /// Evaluation during a run.
  package struct Evaluate: Sendable, Equatable {
    /// In steps.
    package var every: Int
    /// Clips per video, uniformly spaced.
    package var clips: Int
    /// `train`, `validation` or `test`.
    package var split: String
  }

  /// Which connections are encrypted.
  package enum Encryption: String, Sendable, CaseIterable {
    case none
    /// Those over tcp.
    case betweenHosts = "auto"
    /// Those within a host, too.
    case everywhere = "curve"
  }

  /// How data goes between workers.
  package struct Links: Sendable, Equatable {
    package var compression: Compression
    package var format: Format
    package var security: Security
    /// Directory of keys; a relative path is relative to the current directory.
    package var keys: String?

    package enum Compression: String, Sendable, CaseIterable { case lz4, none, auto }
    /// How windows and clips travel; what is trained on is RGB in both.
    package enum Format: String, Sendable, CaseIterable {
      case rgb24
      /// Planes with chroma of half the height and width.
      case yuv420p

      /// Bytes of so many pixels.
      package func bytes(pixels: Int) -> Int { self == .rgb24 ? pixels * 3 : pixels / 2 * 3 }
    }
    package enum Security: String, Sendable, CaseIterable { case auto, none, curve }
  }
}

extension Topology {
  /// Networks of the `Networks` module, by the names a topology uses.
  package static let networkNames = [
    "r2plus1d-10", "r2plus1d-18", "r2plus1d-34", "r2plus1d-101", "r2plus1d-152", "r2plus1d-18-torchvision", "r3d-18",
    "r2d-18",
  ]

  /// Default of the coordinator's `port`, where a port is needed.
  package static let defaultPort = 7700

  /// The host of the coordinator. Every validated topology has exactly one.
  package var coordinator: Host { hosts.first(where: \.coordinator) ?? hosts[0] }

  /// Where the coordinator listens for other machines; nil for a run that stays on one.
  package var coordinatorEndpoint: String? {
    guard hosts.count > 1 || coordinator.port != nil else { return nil }
    return "tcp://\(coordinator.address):\(coordinator.port ?? Self.defaultPort)"
  }

  /// Workers of `stage` on all hosts together.
  package func count(_ stage: Stage) -> Int {
    hosts.reduce(0) { $0 + $1.count(stage) }
  }

  package func host(named name: String) -> Host? {
    hosts.first { $0.name == name }
  }
}
