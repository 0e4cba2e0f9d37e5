/// What `sluice status`, `scale` and `tap` ask of the coordinator.
package struct ClientRequest: ControlMessage {
  package static let kind = MessageKind.request
  package enum Action: String, Sendable, Codable { case status, scale }
  package var action: Action
  package var counts: [String: Int]?
  package var host: String?

  package init(action: Action, counts: [String: Int]? = nil, host: String? = nil) {
    self.action = action
    self.counts = counts
    self.host = host
  }
}

package struct ClientReply: ControlMessage {
  package static let kind = MessageKind.reply
  package var error: String?
  package var status: RunStatus?
}

/// A live run at one moment.
package struct RunStatus: Sendable, Codable {
  package struct Worker: Sendable, Codable {
    package var id: WorkerID
    package var stage: String
    package var host: String
    package var processID: Int32
    package var data: Endpoints
    package var tap: Endpoints
    package var counters: WorkerCounters
    /// Share of the last seconds that it waited for input.
    package var waitShare: Double
    package var silentSeconds: Double
    /// Leases it holds: clips of decode and augment workers, groups of batch workers.
    package var queued: Int?
  }
  package var run: String
  package var directory: String
  package var incarnation: UInt64
  package var version: Int
  package var steps: Int
  package var state: String
  package var loss: Double?
  package var clipsLeased: Int
  package var leasesExpired: Int
  package var quarantined: Int
  package var workersLost: Int
  /// Share of the last seconds that a stage's workers waited for input.
  package var waitShare: [String: Double]
  /// The stage the others wait for: the one whose workers wait least, and less than half of the time.
  package var shortStage: String?
  /// What was scaled last, and why.
  package var autoscale: String?
  /// CPU seconds of the coordinator's process.
  package var coordinatorCPUSeconds: Double
  /// Committed over the last seconds.
  package var clipsPerSecond: Double?
  package var workers: [Worker]
  package var tap: Endpoints

  package static func short(_ waitShares: [String: Double]) -> String? {
    waitShares.filter { $0.value < 0.5 }.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key
  }
}
