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
    package var waitShare: Double
    package var silentSeconds: Double
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
  package var waitShare: [String: Double]
  package var workers: [Worker]
  package var tap: Endpoints
}
