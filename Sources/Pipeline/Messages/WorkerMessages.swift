package import Topology

/// Where a peer can be reached; the nearest way is taken.
package struct Endpoints: Sendable, Codable, Equatable {
  package var inproc: String?
  package var ipc: String?
  package var tcp: String?
  /// The public key of whoever binds them, where anything is encrypted.
  package var key: String?

  package init(inproc: String? = nil, ipc: String? = nil, tcp: String? = nil, key: String? = nil) {
    self.inproc = inproc
    self.ipc = ipc
    self.tcp = tcp
    self.key = key
  }
}

/// Who a worker is: constant for the life of its process.
package struct WorkerIdentity: Sendable, Codable, Equatable {
  package enum Role: String, Sendable, Codable { case stage, node }

  package var id: WorkerID
  package var role: Role
  /// Nil for a node.
  package var stage: Stage?
  /// The `hosts:` entry it belongs to, or a name of its own when it joined from elsewhere.
  package var host: String
  package var processID: Int32
  /// Workers of one process share it: they talk over inproc.
  package var processToken: String

  /// Host, stage and number: the id without the process.
  package var place: Substring { id.prefix { $0 != "#" } }

  package init(
    id: WorkerID, role: Role, stage: Stage?, host: String, processID: Int32, processToken: String
  ) {
    self.id = id
    self.role = role
    self.stage = stage
    self.host = host
    self.processID = processID
    self.processToken = processToken
  }
}

/// First message of a worker, and again whenever the coordinator does not know it.
package struct Hello: ControlMessage {
  package static let kind = MessageKind.hello
  package var identity: WorkerIdentity
  package var data: Endpoints
  package var tap: Endpoints
  /// What must be the same in all workers of a kind: `numerics` or `decode`, and its value with what it stands for.
  package var fingerprint: Fingerprint?
  /// An average shard's state, if it has any.
  package var shard: ShardState?
  /// A node's workers.
  package var node: NodeWorkers?
}

/// The workers that a node is to have at this moment; they may be starting, or have died a moment ago.
package struct NodeWorkers: Sendable, Codable, Equatable {
  /// By stage.
  package var counts: [String: Int]
  /// A `sluice worker`: one worker, that stays or goes.
  package var isSingle: Bool
}

package struct Fingerprint: Sendable, Codable, Equatable {
  package enum Kind: String, Sendable, Codable { case numerics, decode }
  package var kind: Kind
  package var value: String
  /// Kernel path and library versions, for the message when two differ.
  package var description: String
}

package struct ShardState: Sendable, Codable, Equatable {
  package var index: Int
  package var run: UInt64
  package var version: Int
}

/// The coordinator takes the worker: everything it needs to know of the run.
package struct Welcome: ControlMessage {
  package static let kind = MessageKind.welcome
  package var topology: String
  package var classes: Int
  package var directory: String
  /// Which shard an average worker is; nil for others.
  package var shard: Int?
  package var shards: Int
}

package struct Refused: ControlMessage {
  package static let kind = MessageKind.refused
  package var reason: String
}

/// The coordinator does not know the sender: say hello.
package struct Introduce: ControlMessage {
  package static let kind = MessageKind.introduce
  package init() {}
}

/// Twice a second.
package struct Heartbeat: ControlMessage {
  package static let kind = MessageKind.heartbeat
  package var counters: WorkerCounters
}

/// What a worker counts, since it started.
package struct WorkerCounters: Sendable, Codable, Equatable {
  package var items = 0
  package var busySeconds = 0.0
  package var aliveSeconds = 0.0
  package var duplicatesDropped = 0
  package var malformedDropped = 0
  package var staleDropped = 0
  package var bytesOut = 0
  /// Bytes of the same tensors before they were packed; 0 for stages that pack none.
  package var tensorBytesOut = 0
  package var residentBytes = 0
  /// Of the worker's whole process.
  package var cpuSeconds = 0.0
  /// Seconds that threads of its process waited for a core.
  package var coreWaitSeconds = 0.0
  /// What it sends to each host, for stages that send tensors.
  package var links: [OutgoingLink.Load]?
  /// What it has been at for long, if it is.
  package var underWay: UnderWay?

  package struct UnderWay: Sendable, Codable, Equatable {
    package var path: String
    package var seconds: Double
  }

  package init() {}

  /// With every number in a range in which sums over many workers stay numbers: whoever may join can say anything.
  package var bounded: WorkerCounters {
    func count(_ value: Int, _ most: Int = 1 << 48) -> Int { min(max(value, 0), most) }
    func number(_ value: Double) -> Double { value.isFinite ? min(max(value, 0), 1e12) : 0 }
    var bounded = self
    for path in [\Self.items, \.duplicatesDropped, \.malformedDropped, \.staleDropped, \.residentBytes] {
      bounded[keyPath: path] = count(self[keyPath: path])
    }
    // Only ratios of these are taken.
    bounded.bytesOut = count(bytesOut, 1 << 56)
    bounded.tensorBytesOut = count(tensorBytesOut, 1 << 56)
    for path in [\Self.busySeconds, \.aliveSeconds, \.cpuSeconds, \.coreWaitSeconds] {
      bounded[keyPath: path] = number(self[keyPath: path])
    }
    bounded.links = links?.map { link in
      var link = link
      link.tensorBytes = count(link.tensorBytes, 1 << 56)
      link.sentBytes = count(link.sentBytes, 1 << 56)
      if var measured = link.measured {
        measured.packedShare = measured.packedShare.map(number)
        measured.bytesPerSecond = measured.bytesPerSecond.map(number)
        link.measured = measured
      }
      return link
    }
    bounded.underWay?.seconds = number(underWay?.seconds ?? 0)
    return bounded
  }
}

/// A worker asks to go; it stays until it is dismissed.
package struct Leaving: ControlMessage {
  package static let kind = MessageKind.leaving
  package init() {}
}

package struct Dismissed: ControlMessage {
  package static let kind = MessageKind.dismissed
  package init() {}
}

/// The coordinator's answer to a node's heartbeat.
package struct Alive: ControlMessage {
  package static let kind = MessageKind.alive
  package init() {}
}

/// The peers a consumer takes its input from, whole every time.
package struct Peers: ControlMessage {
  package static let kind = MessageKind.peers
  package struct Peer: Sendable, Codable, Equatable {
    package var identity: WorkerIdentity
    package var data: Endpoints
    package var shard: Int?
  }
  package var stage: Stage
  package var peers: [Peer]
}

/// A decode or augment worker could not make a clip.
package struct Failed: ControlMessage {
  package static let kind = MessageKind.failed
  package var key: ItemKey
  package var reason: String
  package var isTransient: Bool
}

/// A node's word that a worker's process has ended.
package struct WorkerExited: ControlMessage {
  package static let kind = MessageKind.workerExited
  package var workers: [WorkerID]
  package var reason: String
  /// The signal that ended it, if one did.
  package var signal: Int32?
  /// It ended itself, since it did not get done with the clip.
  package var hang: Hang?
  /// The clip a decode worker was at.
  package var item: ItemKey?
}

/// The number of workers of each stage a node is to run.
package struct ScaleTo: ControlMessage {
  package static let kind = MessageKind.scaleTo
  package var counts: [String: Int]
}
